#include "app/telemetry.h"

#include <unistd.h>

#include <utility>

#include "app/wiring.h"
#include "base/events.h"
#include "status/pages.h"
#include "status/progress_lines.h"

namespace cdc::app {

namespace {

status::Identity IdentityOf(const config::Config& config) {
  return {.version = Version(),
          .host = config.source.host,
          .database = config.source.database,
          .target = config.target.url,
          .group = config.run.group,
          .interval = config.run.interval};
}

void TellListening(const config::Run& run, const status::Server& server) {
  const std::string host = run.listen.substr(0, run.listen.rfind(':'));
  LogEvent(Level::kInfo, "listening", {{"host", host}, {"port", server.port()}});
  if (!server.open_to_others() || !run.listen_token.empty()) return;
  LogEvent(Level::kWarn, "listening_to_all",
           {{"host", host},
            {"why",
             "whoever reaches this address sees names of hosts, databases and tables, and error "
             "texts"},
            {"help",
             "[run] listen = \"127.0.0.1:…\"; or a token: openssl rand -hex 32 > listen.token, and "
             "listen_token_file = \"listen.token\" in [run]"}});
}

}  // namespace

Telemetry::Telemetry(const config::Config& config, const Clock& clock)
    : clock_(clock), board_(IdentityOf(config), clock), pages_(status::PagesOf(board_)) {}

arrow::Result<std::unique_ptr<Telemetry>> Telemetry::Start(const config::Config& config,
                                                           const Clock& clock) {
  std::unique_ptr<Telemetry> made(new Telemetry(config, clock));
  if (!config.run.listen.empty()) {
    ARROW_ASSIGN_OR_RAISE(
        made->server_, status::Server::Start(
                           config.run.listen, status::PagesOf(made->board_),
                           {.token = config.run.listen_token, .names = config.run.listen_names}));
    TellListening(config.run, *made->server_);
  }
  if (config.run.log_format == "auto" && status::Terminal::IsUsable(STDERR_FILENO)) {
    made->terminal_ = std::make_unique<status::Terminal>(
        STDERR_FILENO, [board = &made->board_](const status::Look& look) {
          return status::ProgressLines(board->Take(), look);
        });
  }
  SetEventSink([telemetry = made.get()](const Event& event) { telemetry->OnEvent(event); });
  return made;
}

Telemetry::~Telemetry() {
  EndProgress();
  SetEventSink(nullptr);
}

void Telemetry::OnEvent(const Event& event) {
  if (event.level >= Level::kWarn) {
    board_.AddTrouble(
        {event.at, event.level == Level::kError, FormatEvent(event.name, event.fields)});
  }
  if (!terminal_) {
    WriteEvent(event);
  } else if (event.level >= Level::kWarn || event.name == "stopping") {
    // Everything else is in the picture; but whoever presses Ctrl-C wants to see that it was heard.
    terminal_->Above(TextLine(event));
  }
}

void Telemetry::EndProgress() {
  if (terminal_) terminal_->End(status::Summary(board_.Take()));
}

void Telemetry::OnHealth(const HealthReport& report) {
  board_.SetHealth(ForBoard(report, clock_.UtcNow()));
}

void Telemetry::OnDatabase(const std::string& name) { board_.SetDatabase(name); }

}  // namespace cdc::app

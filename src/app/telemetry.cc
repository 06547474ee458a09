#include "app/telemetry.h"

#include <utility>

#include "app/wiring.h"
#include "base/events.h"
#include "status/pages.h"

namespace cdc::app {

namespace {

status::Condition ConditionOf(capture::TableCondition condition) {
  using capture::TableCondition;
  switch (condition) {
    case TableCondition::kNew:
      return status::Condition::kNew;
    case TableCondition::kComplete:
      return status::Condition::kComplete;
    case TableCondition::kBehind:
      return status::Condition::kBehind;
    case TableCondition::kWaiting:
      return status::Condition::kWaiting;
    case TableCondition::kRetrying:
      return status::Condition::kRetrying;
    case TableCondition::kStopped:
      return status::Condition::kStopped;
    case TableCondition::kLeftOut:
      return status::Condition::kLeftOut;
  }
  return status::Condition::kNew;
}

status::Role RoleOf(capture::Role role) {
  switch (role) {
    case capture::Role::kStarting:
      return status::Role::kStarting;
    case capture::Role::kStandby:
      return status::Role::kStandby;
    case capture::Role::kOwner:
      return status::Role::kOwner;
  }
  return status::Role::kStarting;
}

status::Identity IdentityOf(const config::Config& config) {
  return {.version = Version(),
          .host = config.source.host,
          .database = config.source.database,
          .target = config.target.url,
          .group = config.run.group,
          .interval = config.run.interval};
}

}  // namespace

Telemetry::Telemetry(const config::Config& config, const Clock& clock)
    : board_(IdentityOf(config), clock), pages_(status::PagesOf(board_)) {}

arrow::Result<std::unique_ptr<Telemetry>> Telemetry::Start(const config::Config& config,
                                                           const Clock& clock) {
  std::unique_ptr<Telemetry> made(new Telemetry(config, clock));
  if (!config.run.listen.empty()) {
    ARROW_ASSIGN_OR_RAISE(made->server_,
                          status::Server::Start(config.run.listen, status::PagesOf(made->board_)));
    const std::string host = config.run.listen.substr(0, config.run.listen.rfind(':'));
    LogEvent(Level::kInfo, "listening", {{"host", host}, {"port", made->port()}});
  }
  SetEventSink([board = &made->board_](const Event& event) {
    WriteEvent(event);
    if (event.level < Level::kWarn) return;
    board->AddTrouble(
        {event.at, event.level == Level::kError, FormatEvent(event.name, event.fields)});
  });
  return made;
}

Telemetry::~Telemetry() { SetEventSink(nullptr); }

void Telemetry::OnRole(capture::Role role, const std::string& owner) {
  board_.SetRole(RoleOf(role), owner);
}

void Telemetry::OnRound(const capture::RoundProgress& round) {
  board_.SetRound({.at = round.at,
                   .horizon_time = round.horizon_time,
                   .horizon = round.horizon,
                   .complete_through = round.complete_through,
                   .held_back = round.held_back,
                   .tables = round.tables,
                   .changed = round.changed,
                   .swaps = round.swaps,
                   .ended = round.ended,
                   .took = round.took});
}

void Telemetry::OnTable(const capture::TableProgress& table) {
  board_.SetTable({.name = table.name,
                   .condition = ConditionOf(table.condition),
                   .why = table.why,
                   .in_cut = table.in_cut,
                   .objects = table.objects,
                   .rows = table.rows,
                   .bytes = table.bytes,
                   .altered_values = table.altered_values,
                   .last_key = table.last_key,
                   .last_object_at = table.last_object_at,
                   .last_commit = table.last_commit,
                   .gaps = table.gaps});
}

void Telemetry::OnTableGone(const std::string& name) { board_.RemoveTable(name); }
void Telemetry::OnHealth(const status::Health& health) { board_.SetHealth(health); }
void Telemetry::OnDatabase(const std::string& name) { board_.SetDatabase(name); }

}  // namespace cdc::app

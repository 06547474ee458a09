#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "app/help.h"
#include "app/json.h"
#include "app/usage.h"
#include "app/verbs.h"
#include "app/wiring.h"
#include "base/events.h"
#include "config/config.h"

extern char** environ;

namespace {

using cdc::config::Config;

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

struct Arguments {
  std::string config_path;
  std::map<std::string, std::string> flags;  // "source.host" -> value
  std::vector<std::string> words;            // after the verb
  cdc::app::RunOptions run;
  bool json = false;
  bool offline = false;
  bool watch = false;
  bool all = false;
  bool yes = false;
  bool new_history = false;
};

// Flags for what one changes by hand; everything else is in the file or the environment.
constexpr struct {
  const char* flag;
  const char* key;
} kFlags[] = {
    {"--host", "source.host"},
    {"--database", "source.database"},
    {"--user", "source.user"},
    {"--driver", "source.driver"},
    {"--start", "source.start"},
    {"--on-gap", "source.on_gap"},
    {"--url", "target.url"},
    {"--endpoint", "target.endpoint"},
    {"--region", "target.region"},
    {"--state", "target.state"},
    {"--interval", "run.interval"},
    {"--max-object-rows", "run.max_object_rows"},
    {"--max-object-bytes", "run.max_object_bytes"},
    {"--group", "run.group"},
    {"--listen", "run.listen"},
    {"--log-level", "run.log_level"},
    {"--log-format", "run.log_format"},
};

cdc::Level LevelOf(const std::string& name) {
  if (name == "debug") return cdc::Level::kDebug;
  if (name == "warn") return cdc::Level::kWarn;
  if (name == "error") return cdc::Level::kError;
  return cdc::Level::kInfo;
}

void AddSettings(CLI::App* verb, Arguments* arguments) {
  verb->add_option("--config", arguments->config_path,
                   "TOML file (default: cdc-to-s3.toml, if there)");
  for (const auto& [flag, key] : kFlags) {
    verb->add_option_function<std::string>(
            flag,
            [arguments, name = std::string(key)](const std::string& value) {
              arguments->flags[name] = value;
            },
            key)
        ->group("Settings");
  }
}

// The list of verbs has a line for each; a verb's own help begins with what it does.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    if (app->get_parent() == nullptr) return CLI::Formatter::make_description(app);
    return std::string(cdc::app::HelpOf(app->get_name()).about) + "\n\n";
  }
};

CLI::App* AddVerb(CLI::App& app, const char* name, Arguments* arguments) {
  const auto& help = cdc::app::HelpOf(name);
  CLI::App* verb = app.add_subcommand(name, help.summary);
  verb->footer(cdc::app::Footer(help));
  if (help.takes_settings) AddSettings(verb, arguments);
  if (*help.json != '\0') {
    verb->add_flag("--json", arguments->json, "One JSON document on stdout, and no text");
  }
  return verb;
}

enum class Needs { kSourceAndTarget, kNothing };

int WithConfig(const Arguments& arguments, int (*verb)(const Config&, const Arguments&),
               Needs needs = Needs::kSourceAndTarget) {
  cdc::config::Inputs inputs;
  inputs.toml_path = arguments.config_path;
  inputs.environment = Environment();
  inputs.flags = arguments.flags;
  const auto config = cdc::config::Load(inputs);
  const arrow::Status valid = config.ok() && needs == Needs::kSourceAndTarget
                                  ? cdc::config::Validate(*config)
                                  : config.status();
  if (!valid.ok()) {
    cdc::app::Fail(valid, arguments.json);
    return cdc::app::kExitUsage;
  }
  cdc::SetLogLevel(LevelOf(config->run.log_level));
  if (config->run.log_format == "json") cdc::SetLogFormat(cdc::LogFormat::kJson);
  for (const std::string& warning : config->warnings) {
    cdc::LogEvent(cdc::Level::kWarn, "configuration", {{"what", warning}});
  }
  return verb(*config, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  // Arrow's own allocators keep tens of MB resident behind one row group's work; the C library's
  // does not.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0);
  // Buffers of long values go back to the system when they are freed. By default the first one that
  // is freed raises this bound to its size (up to 32 MiB), and later ones stay resident.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  std::signal(SIGPIPE, SIG_IGN);  // a server that hangs up is an error value, not the end
  CLI::App app{"The changes of a SQL Server database on S3 as Parquet, each exactly once.",
               "cdc-to-s3"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer("cdc-to-s3 <verb> --help tells all about a verb.");
  app.require_subcommand(1);
  Arguments arguments;

  auto* check = AddVerb(app, "check", &arguments);
  auto* run = AddVerb(app, "run", &arguments);
  auto* tables = AddVerb(app, "tables", &arguments);
  auto* types = AddVerb(app, "types", &arguments);
  auto* status = AddVerb(app, "status", &arguments);
  auto* accept_gap = AddVerb(app, "accept-gap", &arguments);
  auto* adopt = AddVerb(app, "adopt", &arguments);
  auto* version = AddVerb(app, "version", &arguments);
  run->add_flag("--once", arguments.run.once, "Up to the newest change at the start, then exit");
  run->add_flag("--take-over", arguments.run.take_over,
                "Do not wait until another copy gives the state document up");
  tables->add_option("pattern", arguments.words, "Tables to show, as in [source] tables");
  types->add_option("type", arguments.words, "SQL types to show: datetime2, 'date*'");
  accept_gap->add_option("table", arguments.words, "Tables, as in [source] tables");
  accept_gap->add_flag("--all", arguments.all, "All tables that have a gap");
  accept_gap->add_flag("--yes", arguments.yes, "Do it; without it nothing is changed");
  // A start that nobody thought of would be a guess.
  auto* new_history =
      adopt->add_flag("--new-history", arguments.new_history, "Begin a new history; needs --start");
  new_history->needs(adopt->get_option("--start"));
  adopt->add_flag("--yes", arguments.yes, "Do it; without it nothing is changed");
  status->add_flag("--offline", arguments.offline, "Do not ask the server");
  status->add_flag("--watch", arguments.watch,
                   "Watch for at most a lease's length whether the owner lives");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    const std::vector<std::string> words(argv + 1, argv + argc);
    fmt::print(stderr, "cdc-to-s3: {}\n", cdc::app::ExplainUsage(app, words, error));
    return cdc::app::kExitUsage;
  }
  if (*version) return cdc::app::PrintVersion(arguments.json);
  if (*check) {
    return WithConfig(arguments, [](const Config& config, const Arguments& given) {
      return cdc::app::Check(config, given.json);
    });
  }
  if (*tables) {
    return WithConfig(arguments, [](const Config& config, const Arguments& given) {
      return cdc::app::Tables(config, given.words, given.json);
    });
  }
  if (*types) {
    return WithConfig(
        arguments,
        [](const Config& config, const Arguments& given) {
          return cdc::app::Types(config, given.words, given.json);
        },
        Needs::kNothing);
  }
  if (*status) {
    return WithConfig(arguments, [](const Config& config, const Arguments& given) {
      return cdc::app::Status(config, {given.offline, given.watch, given.json});
    });
  }
  if (*accept_gap) {
    return WithConfig(arguments, [](const Config& config, const Arguments& given) {
      return cdc::app::AcceptGap(config, {given.words, given.all, given.yes, given.json});
    });
  }
  if (*adopt) {
    return WithConfig(arguments, [](const Config& config, const Arguments& given) {
      return cdc::app::Adopt(config, {given.new_history, given.yes, given.json});
    });
  }
  return WithConfig(arguments, [](const Config& config, const Arguments& given) {
    return cdc::app::Run(config, given.run);
  });
}

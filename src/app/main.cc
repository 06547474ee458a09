#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

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
  bool once = false;
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
    {"--log-level", "run.log_level"},
};

std::string SettingsHelp() {
  std::string text = "Settings: TOML key, environment names, default\n";
  for (const auto& key : cdc::config::AllKeys()) {
    std::string names;
    for (const auto& name : key.environment) names += (names.empty() ? "" : ", ") + name;
    text += fmt::format("  {:<26} {}\n  {:<26}   {}{}\n", key.key, key.help, "", names,
                        key.default_text.empty() ? "" : "  (default: " + key.default_text + ")");
  }
  return text +
         "Flags win over the environment, the environment over .env, .env over the TOML file.\n"
         "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but a table needs "
         "attention.";
}

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
        fmt::format("{}", key));
  }
  verb->footer(SettingsHelp());
}

int WithConfig(const Arguments& arguments, int (*verb)(const Config&, const Arguments&)) {
  cdc::config::Inputs inputs;
  inputs.toml_path = arguments.config_path;
  inputs.environment = Environment();
  inputs.flags = arguments.flags;
  const auto config = cdc::config::Load(inputs);
  if (!config.ok()) {
    cdc::app::PrintError(config.status());
    return cdc::app::kExitUsage;
  }
  if (const auto valid = cdc::config::Validate(*config); !valid.ok()) {
    cdc::app::PrintError(valid);
    return cdc::app::kExitUsage;
  }
  cdc::SetLogLevel(LevelOf(config->run.log_level));
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
  std::signal(SIGPIPE, SIG_IGN);  // a server that hangs up is an error value, not the end
  CLI::App app{
      "cdc-to-s3: the changes of a SQL Server database on S3 as Parquet, each exactly once"};
  app.require_subcommand(1);
  Arguments arguments;

  auto* check =
      app.add_subcommand("check", "Look at source, target and settings, and say what to fix");
  auto* run = app.add_subcommand("run", "Capture changes until stopped");
  auto* status = app.add_subcommand("status", "Show what has been delivered, table by table");
  auto* version = app.add_subcommand("version", "Print the version");
  for (auto* verb : {check, run, status}) AddSettings(verb, &arguments);
  run->add_flag("--once", arguments.once, "Up to the newest change at the start, then exit");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    const std::vector<std::string> words(argv + 1, argv + argc);
    fmt::print(stderr, "cdc-to-s3: {}\n", cdc::app::ExplainUsage(app, words, error));
    return cdc::app::kExitUsage;
  }
  if (*version) {
    fmt::print("cdc-to-s3 {}\n", cdc::app::Version());
    return cdc::app::kExitDone;
  }
  if (*check) {
    return WithConfig(
        arguments, [](const Config& config, const Arguments&) { return cdc::app::Check(config); });
  }
  if (*status) {
    return WithConfig(
        arguments, [](const Config& config, const Arguments&) { return cdc::app::Status(config); });
  }
  return WithConfig(arguments, [](const Config& config, const Arguments& given) {
    return cdc::app::Run(config, given.once);
  });
}

#include "app/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "app/help.h"
#include "app/json.h"
#include "app/print.h"
#include "app/usage.h"
#include "app/wiring.h"
#include "base/events.h"

namespace cdc::app {

namespace {

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

Level LevelOf(const std::string& name) {
  if (name == "debug") return Level::kDebug;
  if (name == "warn") return Level::kWarn;
  if (name == "error") return Level::kError;
  return Level::kInfo;
}

// The list of verbs has a line for each; a verb's own help begins with what it does.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::span<const Verb* const> verbs) : verbs_(verbs) {}

  std::string make_description(const CLI::App* app) const override {
    const auto verb = std::ranges::find(verbs_, app->get_name(), &Verb::name);
    if (verb == verbs_.end()) return CLI::Formatter::make_description(app);
    return std::string((*verb)->about) + "\n\n";
  }

 private:
  std::span<const Verb* const> verbs_;
};

}  // namespace

CommandLine::CommandLine(std::span<const Verb* const> verbs) {
  app_.formatter(std::make_shared<HelpFormatter>(verbs));
  app_.footer("cdc-to-s3 <verb> --help tells all about a verb.");
  app_.require_subcommand(1);
  for (const Verb* verb : verbs) Add(*verb);
}

void CommandLine::Add(const Verb& verb) {
  CLI::App* words = app_.add_subcommand(verb.name, verb.summary);
  words->footer(Footer(verb));
  if (verb.needs != Needs::kNothing) {
    words->add_option("--config", config_path_, "TOML file (default: cdc-to-s3.toml, if there)");
    for (const auto& [flag, key] : kFlags) {
      words
          ->add_option_function<std::string>(
              flag,
              [this, name = std::string(key)](const std::string& value) {
                settings_[name] = value;
              },
              key)
          ->group("Settings");
    }
  }
  if (*verb.json != '\0') {
    words->add_flag("--json", json_, "One JSON document on stdout, and no text");
  }
  verbs_.push_back({&verb, words, verb.prepare(*words)});
}

std::optional<int> CommandLine::Parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_.exit(error);  // --help
    const std::vector<std::string> words(argv + 1, argv + argc);
    SayError("cdc-to-s3: {}\n", PrintableLines(ExplainUsage(app_, words, error), 2));
    return kExitUsage;
  }
  return std::nullopt;
}

int CommandLine::Run(std::map<std::string, std::string> environment) const {
  const Prepared& chosen = *std::ranges::find_if(
      verbs_, [](const Prepared& prepared) { return prepared.words->parsed(); });
  if (chosen.verb->needs == Needs::kNothing) return chosen.run({}, json_);
  config::Inputs inputs;
  inputs.toml_path = config_path_;
  inputs.environment = std::move(environment);
  inputs.flags = settings_;
  const auto config = config::Load(inputs);
  const arrow::Status valid = config.ok() && chosen.verb->needs == Needs::kSourceAndTarget
                                  ? config::Validate(*config)
                                  : config.status();
  if (!valid.ok()) {
    Fail(valid, json_);
    return kExitUsage;
  }
  SetLogLevel(LevelOf(config->run.log_level));
  if (config->run.log_format == "json") SetLogFormat(LogFormat::kJson);
  for (const std::string& warning : config->warnings) {
    LogEvent(Level::kWarn, "configuration", {{"what", warning}});
  }
  return chosen.run(*config, json_);
}

}  // namespace cdc::app

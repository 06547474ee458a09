#include "app/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/config.h"
#include "config/nearest.h"

namespace cdc::app {

namespace {

std::vector<std::string> Verbs(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

std::vector<std::string> Flags(const CLI::App& verb) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// What to do about a setting that somebody wanted to give as a flag and that has none; "" for what
// is no setting.
std::string ExplainSetting(const std::string& flag) {
  for (const auto& key : config::AllKeys()) {
    const size_t dot = key.key.find('.');
    const std::string last = key.key.substr(dot + 1);
    std::string name = "--" + last;
    std::ranges::replace(name, '_', '-');
    if (name != flag) continue;
    const std::string names = fmt::format("{}", fmt::join(key.environment, " or "));
    if (key.secret) {
      return fmt::format(
          "{} is a secret and never a flag, because everybody on the machine can read a command "
          "line: set {} in the environment or in .env",
          flag, names);
    }
    return fmt::format(
        "{} is a setting without a flag: set {} in the environment or in .env, or {} under [{}] in "
        "the TOML file",
        flag, names, last, key.key.substr(0, dot));
  }
  return "";
}

std::string ExplainFlag(const CLI::App& verb, const std::string& flag) {
  if (const std::string setting = ExplainSetting(flag); !setting.empty()) return setting;
  return fmt::format("{0} has no flag {1}; did you mean {2}? cdc-to-s3 {0} --help lists them all",
                     verb.get_name(), flag, config::Nearest(flag, Flags(verb)));
}

}  // namespace

std::string ExplainUsage(const CLI::App& app, const std::vector<std::string>& words,
                         const CLI::ParseError& error) {
  const std::vector<std::string> verbs = Verbs(app);
  const std::string choice = fmt::format("{}", fmt::join(verbs, ", "));
  if (words.empty() || words[0].starts_with('-')) {
    return fmt::format("the first word is a verb: {} (cdc-to-s3 --help tells what they do)",
                       choice);
  }
  if (std::ranges::find(verbs, words[0]) == verbs.end()) {
    return fmt::format("there is no verb {}; did you mean {}? Verbs are {}", words[0],
                       config::Nearest(words[0], verbs), choice);
  }
  const CLI::App& verb = *app.get_subcommand(words[0]);
  const std::vector<std::string> flags = Flags(verb);
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string flag = words[i].substr(0, words[i].find('='));
    if (!flag.starts_with('-')) continue;
    if (std::ranges::find(flags, flag) == flags.end()) return ExplainFlag(verb, flag);
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    return fmt::format("{0} takes flags only, no other words; cdc-to-s3 {0} --help lists them",
                       verb.get_name());
  }
  return error.what();
}

}  // namespace cdc::app

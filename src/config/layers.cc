#include "config/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <system_error>

#include "columns/options.h"
#include "config/dotenv.h"
#include "config/keys.h"
#include "config/nearest.h"
#include "config/own_file.h"
#include "config/table_rules.h"
#include "config/toml_file.h"

namespace cdc::config {
namespace {

using arrow::Result;
using arrow::Status;

constexpr char kDefaultToml[] = "cdc-to-s3.toml";

// A name of the environment or of .env with its value.
struct Variable {
  std::string text;
  std::string origin;
};
using Variables = std::map<std::string, Variable>;

Status SecretRefused(const Key& key, const std::string& origin) {
  std::string names;
  for (const std::string& name : key.all_names()) names += (names.empty() ? "" : " or ") + name;
  std::string file;
  if (FindKey(key.name + "_file") != nullptr) {
    file = ", or [" + key.section() + "] " + key.name.substr(key.name.find('.') + 1) +
           "_file to a file that holds it";
  }
  return Status::Invalid(origin, ": ", key.name, " is a secret and may not stand here: set ", names,
                         " in the environment or in .env", file);
}

std::vector<std::string> KeyNames() {
  std::vector<std::string> names;
  for (const Key& key : Keys()) names.push_back(key.name);
  return names;
}

std::vector<std::string> EnvironmentNames() {
  std::vector<std::string> names;
  for (const Key& key : Keys()) names.push_back(key.environment_name());
  return names;
}

bool NamesSetting(const std::string& variable) {
  return std::ranges::any_of(Keys(), [&](const Key& key) {
    const std::vector<std::string> names = key.all_names();
    return std::ranges::find(names, variable) != names.end();
  });
}

// "host" outside of a section, or inside the wrong one, means the key of that name.
std::string NearestKey(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  for (const Key& key : Keys()) {
    if (key.name.substr(key.name.find('.') + 1) == last) return key.name;
  }
  return Nearest(name, KeyNames());
}

Status UnknownKey(const TomlSetting& setting, const std::string& origin) {
  const auto& path = setting.path;
  const std::string elsewhere = path.size() <= 2 ? ColumnsBelongElsewhere(path.back()) : "";
  if (!elsewhere.empty()) return Status::Invalid(origin, ": ", setting.name(), ": ", elsewhere);
  return Status::Invalid(origin, ": unknown key ", setting.name(), "; did you mean ",
                         path.size() > 2 ? MeantSection(path) : NearestKey(setting.name()), "?");
}

bool IsOption(const Key& key) {
  return key.section() == "types" &&
         columns::FindOption(key.name.substr(sizeof("types"))) != nullptr;
}

Status CheckType(const TomlSetting& setting, const Key& key, const std::string& origin) {
  using Type = TomlSetting::Type;
  const auto refuse = [&](const char* what) {
    return Status::Invalid(origin, ": ", key.name, " must be ", what);
  };
  switch (key.kind) {
    case Kind::kText:
      return setting.type == Type::kString ? Status::OK() : refuse("a text in quotes");
    case Kind::kInteger:
      return setting.type == Type::kInteger ? Status::OK() : refuse("a whole number");
    case Kind::kBoolean:
      return setting.type == Type::kBoolean ? Status::OK() : refuse("true or false");
    case Kind::kList:
      return setting.type == Type::kList ? Status::OK()
                                         : refuse("a list of texts: [\"Person.*\", \"Sales.*\"]");
    case Kind::kDuration:  // a bare number goes on to the parser, which names the unit to write
    case Kind::kSize:
      return setting.type == Type::kString || setting.type == Type::kInteger
                 ? Status::OK()
                 : refuse("a text like \"60s\" or \"128MiB\"");
  }
  return Status::OK();
}

// A file that is read where it lies in the folder, without having been named. One that is there and
// cannot be read is told and passed over.
Result<std::optional<std::string>> ReadUnnamed(const Inputs& inputs, const char* name,
                                               std::vector<std::string>* warnings) {
  const auto path = std::filesystem::path(inputs.folder) / name;
  auto text = ReadOwnFile(path.string());
  if (text.ok()) return text;
  const std::string why = fmt::format("{}: {}", name, text.status().message());
  if (!text.status().IsIOError()) return Status::Invalid(why);
  warnings->push_back(why + "; passed over");
  return std::nullopt;
}

Result<std::optional<std::string>> ReadTomlText(const Inputs& inputs,
                                                std::vector<std::string>* warnings) {
  if (inputs.toml_path.empty()) return ReadUnnamed(inputs, kDefaultToml, warnings);
  auto text = ReadOwnFile(inputs.toml_path);
  if (!text.ok()) return Status::Invalid(inputs.toml_path, ": ", text.status().message());
  if (*text) return text;
  return Status::Invalid(inputs.toml_path, ": cannot be read: No such file or directory");
}

Status AddToml(const Inputs& inputs, Layers* layers) {
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadTomlText(inputs, &layers->warnings));
  if (!text) return Status::OK();
  const std::string shown = inputs.toml_path.empty() ? kDefaultToml : inputs.toml_path;
  ARROW_ASSIGN_OR_RAISE(const auto settings, ParseToml(*text, shown));
  std::vector<TomlSetting> of_tables;
  for (const TomlSetting& setting : settings) {
    if (setting.path.front() == "table") {
      of_tables.push_back(setting);
      continue;
    }
    const std::string origin = shown + " line " + std::to_string(setting.line);
    const Key* key = FindKey(setting.name());
    if (key == nullptr) return UnknownKey(setting, origin);
    if (key->secret) return SecretRefused(*key, origin);
    ARROW_RETURN_NOT_OK(CheckType(setting, *key, origin));
    // "" is "not set", but for an option it is a word that there is not.
    const bool says_something = !setting.text.empty() || IsOption(*key);
    if (says_something) layers->given[key->name] = {setting.text, origin, Layer::kToml};
  }
  ARROW_ASSIGN_OR_RAISE(layers->rules, TableRules(std::move(of_tables), shown));
  return Status::OK();
}

// Kubernetes puts the address of a service named cdc-… into every container's environment as
// CDC_…_SERVICE_HOST, CDC_…_PORT and so on; and the project's own tests have switches.
bool IsSomebodyElses(const std::string& name) {
  if (name == "CDC_CRASH_AT" || name.starts_with("CDC_TEST_")) return true;
  for (const char* section : {"CDC_SOURCE_", "CDC_TARGET_", "CDC_RUN_", "CDC_TYPES_"}) {
    if (name.starts_with(section)) return false;
  }
  return name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") ||
         name.find("_SERVICE_PORT") != std::string::npos ||
         name.find("_PORT_") != std::string::npos;
}

Status CheckNames(const Variables& variables) {
  const std::vector<std::string> known = EnvironmentNames();
  for (const auto& [name, variable] : variables) {
    if (!name.starts_with("CDC_") || IsSomebodyElses(name)) continue;
    if (std::ranges::find(known, name) != known.end()) continue;
    const bool names_itself = variable.origin.ends_with(name);
    const std::string unknown =
        variable.origin + ": unknown setting" + (names_itself ? "" : " " + name);
    if (name.ends_with("_COLUMNS")) {
      return Status::Invalid(unknown, ": ", ColumnsBelongElsewhere("columns"));
    }
    return Status::Invalid(unknown, "; did you mean ", Nearest(name, known), "?");
  }
  return Status::OK();
}

std::string ValueOf(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second.text;
}

// The original script's bucket, with a prefix if there is one.
std::string UrlOfBucket(std::string bucket, std::string prefix) {
  while (bucket.ends_with('/')) bucket.pop_back();
  while (prefix.ends_with('/')) prefix.pop_back();
  prefix.erase(0, prefix.find_first_not_of('/'));
  const std::string url = bucket.find("://") == std::string::npos ? "s3://" + bucket : bucket;
  return prefix.empty() ? url : url + "/" + prefix;
}

void AddVariables(const Variables& variables, const std::string& prefix, Layer layer,
                  Layers* layers) {
  for (const Key& key : Keys()) {
    for (const std::string& name : key.all_names()) {
      const std::string text = ValueOf(variables, name);
      if (text.empty()) continue;
      layers->given[key.name] = {name == "S3_BUCKET" ? UrlOfBucket(text, prefix) : text,
                                 variables.at(name).origin, layer};
      break;
    }
  }
}

Result<Variables> ReadDotenv(const Inputs& inputs, std::vector<std::string>* warnings) {
  Variables variables;
  // A folder of that name is a Python environment's.
  std::error_code ignored;
  if (std::filesystem::is_directory(std::filesystem::path(inputs.folder) / ".env", ignored)) {
    return variables;
  }
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadUnnamed(inputs, ".env", warnings));
  if (!text) return variables;
  const auto dotenv = ParseDotenv(*text);
  if (!dotenv.ok()) return Status::Invalid(".env: ", dotenv.status().message());
  for (const int line : dotenv->unreadable_lines) {
    warnings->push_back(".env line " + std::to_string(line) +
                        ": not NAME=value with matching quotes; passed over");
  }
  for (const DotenvEntry& entry : dotenv->entries) {
    if (entry.value || !NamesSetting(entry.name)) continue;
    warnings->push_back(
        fmt::format(".env line {}: {} without = and a value; passed over", entry.line, entry.name));
  }
  for (auto& [name, value] : Interpolate(*dotenv, inputs.environment)) {
    variables[name] = {std::move(value.text), ".env line " + std::to_string(value.line)};
  }
  return variables;
}

void AddAwsNames(const Variables& variables, Layers* layers) {
  for (const auto& [name, variable] : variables) {
    if (variable.text.empty() || (!name.starts_with("AWS_") && name != "HOME")) continue;
    layers->aws_environment[name] = variable.text;
  }
}

Status AddFlags(const Inputs& inputs, Layers* layers) {
  for (const auto& [name, text] : inputs.flags) {
    const Key* key = FindKey(name);
    if (key == nullptr) {
      return Status::Invalid("flag ", name, ": unknown key; did you mean ", NearestKey(name), "?");
    }
    const std::string origin = "flag " + key->flag();
    // A command line is there for everybody on the machine to read.
    if (key->secret) return SecretRefused(*key, origin);
    if (!text.empty()) layers->given[key->name] = {text, origin, Layer::kFlags};
  }
  return Status::OK();
}

}  // namespace

Result<Layers> ReadLayers(const Inputs& inputs) {
  Layers layers;
  Variables environment;
  for (const auto& [name, text] : inputs.environment) {
    environment[name] = {text, "environment " + name};
  }
  ARROW_ASSIGN_OR_RAISE(const Variables dotenv, ReadDotenv(inputs, &layers.warnings));
  ARROW_RETURN_NOT_OK(CheckNames(environment));
  ARROW_RETURN_NOT_OK(CheckNames(dotenv));
  std::string prefix = ValueOf(environment, "S3_PREFIX");
  if (prefix.empty()) prefix = ValueOf(dotenv, "S3_PREFIX");

  ARROW_RETURN_NOT_OK(AddToml(inputs, &layers));
  AddVariables(dotenv, prefix, Layer::kDotenv, &layers);
  AddVariables(environment, prefix, Layer::kEnvironment, &layers);
  ARROW_RETURN_NOT_OK(AddFlags(inputs, &layers));
  AddAwsNames(dotenv, &layers);
  AddAwsNames(environment, &layers);
  return layers;
}

}  // namespace cdc::config

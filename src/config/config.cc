#include "config/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "config/checks.h"
#include "config/keys.h"
#include "config/layers.h"
#include "config/table_rules.h"

namespace cdc::config {
namespace {

using arrow::Result;
using arrow::Status;

Status SetKeys(const Layers& layers, Config* config) {
  for (const Key& key : Keys()) {
    const auto given = layers.given.find(key.name);
    config->origins[key.name] = given == layers.given.end() ? "default" : given->second.origin;
    if (given == layers.given.end()) continue;
    const Status status = key.set(given->second.text, config);
    if (!status.ok()) {
      return Status::Invalid(given->second.origin, ": ", key.name, ": ", status.message());
    }
  }
  return Status::OK();
}

constexpr size_t kSecretFileBytesMax = 64 << 10;
// With a new key no token fits those that were delivered: making one is not the first advice.
constexpr char kNoKeyThere[] =
    "; put the key there that made the tokens so far; the first time, make one: "
    "openssl rand -hex 32 > ";

// A secret that was given at a place of higher rank than its file's name stays.
bool SecretFileCounts(const Layers& layers, const std::string& secret) {
  const auto file = layers.given.find(secret + "_file");
  const auto direct = layers.given.find(secret);
  if (file == layers.given.end()) return false;
  return direct == layers.given.end() || file->second.layer > direct->second.layer;
}

// What the file of "source.password" or "types.mask_key" holds, where it counts: `end` says how
// much of it is the secret.
Status ReadSecretFile(const Inputs& inputs, const Layers& layers, const std::string& secret,
                      size_t (*end)(std::string_view), Config* config) {
  if (!SecretFileCounts(layers, secret)) return Status::OK();
  const std::string key = secret + "_file";
  const std::string name = FindKey(key)->get(*config);
  const auto path = std::filesystem::path(inputs.folder) / name;
  const auto bad = [&](const std::string& why) {
    return Status::Invalid(config->origins[key], ": ", key, " ", name, why, "; looked for at ",
                           std::filesystem::absolute(path).lexically_normal().string(),
                           secret == "types.mask_key" ? kNoKeyThere + name : "");
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return bad(std::string(" cannot be read: ") + std::strerror(errno));
  std::string text(kSecretFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return bad(std::string(" cannot be read: ") + std::strerror(errno));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kSecretFileBytesMax) {
    return bad(fmt::format(" is longer than a secret's {} bytes", kSecretFileBytesMax));
  }
  text.resize(end(text));
  if (text.empty()) return bad(" is empty, or begins with an empty line");
  config->origins[secret] = "file " + name;
  return FindKey(secret)->set(text, config);
}

size_t FirstLine(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.ends_with('\r') ? line.size() - 1 : line.size();
}

size_t WithoutLineEnds(std::string_view text) { return text.find_last_not_of("\r\n") + 1; }

// A short one can be found by trying: a key with any token of a known value, a token by asking.
Status CheckLength(const Config& config, const std::string& secret, std::string_view help) {
  constexpr size_t kBytesMin = 16;
  const size_t bytes = FindKey(secret)->get(config).size();
  if (bytes == 0 || bytes >= kBytesMin) return Status::OK();
  return Status::Invalid(config.origins.at(secret), ": ", secret, " has ", bytes,
                         " bytes; it needs ", kBytesMin, " or more: openssl rand -hex 32 > ", help);
}

// A bucket cannot be a part of the name of 127.0.0.1 or of "minio".
void DefaultPathStyle(Config* config) {
  std::string& origin = config->origins["target.path_style"];
  if (origin != "default" || !IsLocalEndpoint(config->target.endpoint)) return;
  config->target.path_style = true;
  origin = "default for a local endpoint";
}

// "source.host (environment or .env: SQL_SERVER_HOST or CDC_SOURCE_HOST; TOML: [source] host;
// --host)"
std::string NamesOf(const Key& key) {
  std::string names;
  for (const std::string& name : key.other_names) names += name + " or ";
  names += key.environment_name();
  const std::string last = key.name.substr(key.name.find('.') + 1);
  if (key.secret) return fmt::format("{} (environment or .env: {})", key.name, names);
  return fmt::format("{} (environment or .env: {}; TOML: [{}] {}; flag: {})", key.name, names,
                     key.section(), last, key.flag());
}

void RequireAll(const Config& config, std::string* missing) {
  for (const char* name :
       {"source.host", "source.database", "source.user", "source.password", "target.url"}) {
    const Key& key = *FindKey(name);
    if (!key.get(config).empty()) continue;
    *missing += "\n  " + NamesOf(key);
    if (key.name == "source.password") *missing += ", or source.password_file";
  }
}

// Half a pair of credentials is always a mistake; none at all can be right (an open endpoint).
void RequirePair(const Config& config, std::string* missing) {
  const bool id = !config.target.access_key_id.empty();
  const bool secret = !config.target.secret_access_key.empty();
  if (id && !secret) *missing += "\n  " + NamesOf(*FindKey("target.secret_access_key"));
  if (secret && !id) *missing += "\n  " + NamesOf(*FindKey("target.access_key_id"));
}

// Settings that are each right and do not go together.
Status CheckEncryptionKey(const Target& target) {
  const bool kms = target.sse.starts_with("aws:kms");
  if (!target.sse_kms_key_id.empty() && !kms) {
    return Status::Invalid("target.sse_kms_key_id is only used with target.sse = \"aws:kms\"");
  }
  if (target.sse_bucket_key && target.sse != "aws:kms") {
    return Status::Invalid("target.sse_bucket_key is only used with target.sse = \"aws:kms\"");
  }
  return Status::OK();
}

// Where mask = "hash" stands; "" if nowhere.
std::string HashedBy(const Config& config) {
  const auto hashes = [](const std::map<std::string, std::string>& words) {
    const auto mask = words.find("mask");
    return mask != words.end() && mask->second == "hash";
  };
  if (hashes(config.types.words)) return config.origins.at("types.mask") + ": types.mask";
  for (const columns::OutputRule& rule : config.types.rules) {
    if (hashes(rule.words)) return rule.origin + ": " + NameOf(rule) + ".mask";
  }
  return "";
}

Status RequireMaskKey(const Config& config) {
  const std::string hashed = config.types.mask_key.empty() ? HashedBy(config) : "";
  if (hashed.empty()) return Status::OK();
  return Status::Invalid(hashed, ": \"hash\" needs a key, and there is none: ",
                         "openssl rand -hex 32 > mask.key, and mask_key_file = \"mask.key\" in ",
                         "[types] (or CDC_TYPES_MASK_KEY in the environment)");
}

void AddRule(const columns::OutputRule& rule, std::vector<Setting>* settings) {
  const std::string name = NameOf(rule) + ".";
  for (const auto& [option, word] : rule.words) {
    settings->push_back({name + option, word, rule.origin});
  }
  const auto list = [&](const char* key, const std::vector<std::string>& patterns) {
    if (patterns.empty()) return;
    settings->push_back({name + key, fmt::format("{}", fmt::join(patterns, ", ")), rule.origin});
  };
  list("columns", rule.only);
  list("exclude_columns", rule.exclude);
}

}  // namespace

Result<Config> Load(const Inputs& inputs) {
  Config config;
  ARROW_ASSIGN_OR_RAISE(Layers layers, ReadLayers(inputs));
  config.warnings = std::move(layers.warnings);
  config.aws_environment = std::move(layers.aws_environment);
  ARROW_RETURN_NOT_OK(SetKeys(layers, &config));
  config.types.rules = std::move(layers.rules);
  ARROW_RETURN_NOT_OK(ReadSecretFile(inputs, layers, "source.password", FirstLine, &config));
  ARROW_RETURN_NOT_OK(ReadSecretFile(inputs, layers, "types.mask_key", WithoutLineEnds, &config));
  ARROW_RETURN_NOT_OK(ReadSecretFile(inputs, layers, "run.listen_token", FirstLine, &config));
  ARROW_RETURN_NOT_OK(CheckLength(config, "types.mask_key",
                                  "mask.key, and mask_key_file = \"mask.key\" in [types]"));
  ARROW_RETURN_NOT_OK(
      CheckLength(config, "run.listen_token",
                  "listen.token, and listen_token_file = \"listen.token\" in [run]"));
  DefaultPathStyle(&config);
  return config;
}

Status Validate(const Config& config) {
  std::string missing;
  RequireAll(config, &missing);
  RequirePair(config, &missing);
  if (!missing.empty()) return Status::Invalid("these settings are missing:", missing);
  ARROW_RETURN_NOT_OK(CheckEncryptionKey(config.target));
  return RequireMaskKey(config);
}

std::vector<Setting> SettingsOf(const Config& config) {
  std::vector<Setting> settings;
  for (const Key& key : Keys()) {
    const std::string value = key.get(config);
    const auto origin = config.origins.find(key.name);
    const std::string shown = key.secret && !value.empty() ? "***"
                              : key.hide                   ? key.hide(value)
                                                           : value;
    settings.push_back(
        {key.name, shown, origin == config.origins.end() ? "default" : origin->second});
  }
  for (const columns::OutputRule& rule : config.types.rules) AddRule(rule, &settings);
  return settings;
}

std::string Describe(const Config& config) {
  std::string text;
  for (const Setting& setting : SettingsOf(config)) {
    text += fmt::format("{} = {}  ({})\n", setting.key, setting.value, setting.origin);
  }
  return text;
}

std::vector<KeyHelp> AllKeys() {
  std::vector<KeyHelp> all;
  const Config defaults;
  for (const Key& key : Keys()) {
    all.push_back({key.name, key.all_names(), key.get(defaults), key.help,
                   key.secret ? "" : key.flag(), key.secret});
  }
  return all;
}

}  // namespace cdc::config

#include "config/config.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "config/checks.h"
#include "config/keys.h"
#include "config/layers.h"

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

// A password that was given at a place of higher rank than the file's name stays.
bool PasswordFileCounts(const Layers& layers) {
  const auto file = layers.given.find("source.password_file");
  const auto password = layers.given.find("source.password");
  if (file == layers.given.end()) return false;
  return password == layers.given.end() || file->second.layer > password->second.layer;
}

Status ReadPasswordFile(const Inputs& inputs, const Layers& layers, Config* config) {
  if (!PasswordFileCounts(layers)) return Status::OK();
  const auto path = std::filesystem::path(inputs.folder) / config->source.password_file;
  const std::string what = config->origins["source.password_file"] + ": source.password_file " +
                           config->source.password_file;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::Invalid(what, " cannot be read: ", std::strerror(errno));
  std::string line;
  std::getline(file, line);
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return Status::Invalid(what, " has an empty first line");
  config->source.password = line;
  config->origins["source.password"] = "file " + config->source.password_file;
  return Status::OK();
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

}  // namespace

Result<Config> Load(const Inputs& inputs) {
  Config config;
  ARROW_ASSIGN_OR_RAISE(Layers layers, ReadLayers(inputs));
  config.warnings = std::move(layers.warnings);
  config.aws_environment = std::move(layers.aws_environment);
  ARROW_RETURN_NOT_OK(SetKeys(layers, &config));
  ARROW_RETURN_NOT_OK(ReadPasswordFile(inputs, layers, &config));
  DefaultPathStyle(&config);
  return config;
}

Status Validate(const Config& config) {
  std::string missing;
  RequireAll(config, &missing);
  RequirePair(config, &missing);
  if (!missing.empty()) return Status::Invalid("these settings are missing:", missing);
  return CheckEncryptionKey(config.target);
}

std::string Describe(const Config& config) {
  std::string text;
  for (const Key& key : Keys()) {
    const std::string value = key.get(config);
    const auto origin = config.origins.find(key.name);
    text += fmt::format("{} = {}  ({})\n", key.name, key.secret && !value.empty() ? "***" : value,
                        origin == config.origins.end() ? "default" : origin->second);
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

#pragma once

#include <arrow/result.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "columns/output_rules.h"

namespace cdc::config {

enum class OnGap { kStop, kContinue };
enum class OnReplace { kStop, kFollow };

// Everything that can be set, with its default. One key of the TOML file each, in the section of
// its struct; its environment name is CDC_<SECTION>_<KEY>, and where the original script or AWS's
// own tools have a name, that one too (keys.cc holds the one table of all keys).
struct Source {
  std::string host;  // db1 · db1:1433 · db1,1433 · tcp:db1,1433 · db1\\instance
  std::string database;
  std::string user;
  std::string password;       // from environment, .env or password_file, never from flags or TOML
  std::string password_file;  // its first line is the password
  std::string driver = "auto";
  // TLS, in Microsoft's words; what FreeTDS makes of them is in odbc/driver_profile.cc.
  std::string encrypt = "auto";  // auto (what the driver can) · yes · no · strict (TDS 8)
  bool trust_server_certificate = false;
  std::string ca_file;       // PEM; empty: the system's
  std::string odbc_options;  // further words of the connection string, as the driver knows them
  std::string application_intent = "ReadWrite";  // ReadWrite · ReadOnly (a readable secondary)
  bool multi_subnet_failover = false;
  // Patterns over schema.table with * and ?; without a dot over the table's name alone.
  std::vector<std::string> tables;     // empty: all captured tables
  std::vector<std::string> exclude;    // wins over tables
  std::vector<std::string> instances;  // capture instances that are pinned: their tables are read
                                       // from them and no other
  std::string start = "oldest";  // where a new table starts: oldest · now · a time · an LSN
  OnGap on_gap = OnGap::kStop;
  OnReplace on_replace = OnReplace::kStop;
  std::string time_zone;  // Windows zone name of the server; only where it cannot tell by itself
  std::chrono::milliseconds login_timeout{15'000};
  std::chrono::milliseconds query_timeout{300'000};  // without any progress
  std::chrono::milliseconds lock_timeout{5'000};
};

struct Target {
  std::string url;  // s3://bucket/prefix or file:///folder
  std::string region = "us-east-1";
  std::string endpoint;  // empty: AWS
  bool path_style =
      false;  // default true when an endpoint is set that is an IP address or localhost
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string profile;     // of AWS's shared configuration files
  bool anonymous = false;  // requests are not signed at all
  std::string ca_bundle;
  std::string state;  // empty: in the target; file:///folder: a local directory
  std::string path = "{database}/{table}/cdc";
  // What a table does whose columns become such that readers cannot merge them with its objects.
  std::string on_type_change = "stop";  // stop · same_folder · new_folder
  // What S3 is told about what it is to keep. Empty: as the bucket has it.
  std::string sse;  // AES256 · aws:kms · aws:kms:dsse
  std::string sse_kms_key_id;
  bool sse_bucket_key = false;    // fewer, cheaper calls to KMS
  std::string storage_class;      // of objects
  std::vector<std::string> tags;  // of objects: name=value
  std::string acl;                // canned, of objects and state
  bool requester_pays = false;
  std::string expected_bucket_owner;
};

struct Run {
  std::chrono::milliseconds interval{60'000};
  int64_t max_object_rows = 1'000'000;
  int64_t max_object_bytes = 128 << 20;
  int64_t max_value_bytes = 16 << 20;
  std::string temp_dir;  // empty: TMPDIR or /tmp
  int64_t workers = 4;   // tables that are read at the same time; a connection each
  // Changes of a table wait until they are this old or fill an object: fewer, larger objects.
  std::chrono::milliseconds object_age{0};
  // Names the state document of this process's share of the database's tables; empty: all of them.
  std::string group;
  // Another copy takes over when this one has not been heard of for so long.
  std::chrono::milliseconds lease{30'000};
  std::string listen;  // 127.0.0.1:9464: /metrics, /healthz and the status page; empty: nothing
  std::string listen_token;       // what a client must know to see more than whether it works
  std::string listen_token_file;  // its first line is the token
  std::vector<std::string> listen_names;  // host names under which it is asked
  std::string log_level = "info";
  std::string log_format = "auto";  // text · json · auto: progress on a terminal, else text
};

// How values are written.
struct Types {
  // For all tables, where set: [types] has a key for each of columns::OptionKeys().
  std::map<std::string, std::string> words;
  // [table."pattern"] and [table."pattern".column."pattern"], in the order of the file.
  std::vector<columns::OutputRule> rules;
  std::string mask_key;       // for mask = "hash"; given like a password, or by its file
  std::string mask_key_file;  // all of its bytes but line ends at the end
};

struct Config {
  Source source;
  Target target;
  Run run;
  Types types;
  // "source.host" -> "flag --host", "environment SQL_SERVER_HOST", ".env line 3", "cdc.toml line
  // 2", "default".
  std::map<std::string, std::string> origins;
  // AWS_… and HOME from the environment and .env, for the places beside the settings where AWS's
  // own tools find credentials. They may be secret: never print them.
  std::map<std::string, std::string> aws_environment;
  // What was passed over and should be told: lines of .env that do not parse.
  std::vector<std::string> warnings;
};

// What Load may look at; an argument so that a test can hold it.
struct Inputs {
  std::string toml_path;     // --config; empty: cdc-to-s3.toml in the folder, if there
  std::string folder = ".";  // where .env and the default TOML are looked for
  std::map<std::string, std::string> environment;  // all of it
  std::map<std::string, std::string> flags;        // "source.host" -> value
};

// Flags win over environment, environment over .env, .env over TOML; an empty value counts as not
// set. Invalid: says the key, where it was set, what is wrong, and for an unknown key the nearest
// known one. Does not check that everything needed is there: Validate does.
arrow::Result<Config> Load(const Inputs& inputs);
// Whether a run could start with this: every missing setting in one message, with each name it has.
arrow::Status Validate(const Config& config);

// A setting as it can be shown; a secret's value is "***".
struct Setting {
  std::string key;  // "source.host", table."Person.*".column."Email*".mask
  std::string value;
  std::string origin;
};
std::vector<Setting> SettingsOf(const Config& config);
// One "section.key = value  (origin)" line each.
std::string Describe(const Config& config);

// All keys, for --help and docs.
struct KeyHelp {
  std::string key;                       // "source.host"
  std::vector<std::string> environment;  // CDC_SOURCE_HOST, SQL_SERVER_HOST
  std::string default_text;
  std::string help;
  std::string flag;     // "--host"; "" in [types] and for a secret, which no flag may carry
  bool secret = false;  // nor the TOML file
};
std::vector<KeyHelp> AllKeys();

}  // namespace cdc::config

#include "config/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "base/hidden.h"
#include "base/units.h"
#include "columns/options.h"
#include "config/checks.h"

namespace cdc::config {
namespace {

using arrow::Status;
using std::chrono::milliseconds;
using Names = std::vector<std::string>;
using Check = Status (*)(std::string_view);

Status AnyText(std::string_view) { return Status::OK(); }
Status AnyList(const std::vector<std::string>&) { return Status::OK(); }

// A place in Config: a section and a member of it.
template <typename Section, typename Value>
struct Place {
  Section Config::*section;
  Value Section::*member;

  Value& in(Config* config) const { return config->*section.*member; }
  const Value& in(const Config& config) const { return config.*section.*member; }
};

template <typename Section, typename Value>
Place(Section Config::*, Value Section::*) -> Place<Section, Value>;

template <typename Section>
Key Text(std::string name, Place<Section, std::string> place, Names names, std::string help,
         Check check = AnyText) {
  return {.name = std::move(name),
          .other_names = std::move(names),
          .kind = Kind::kText,
          .help = std::move(help),
          .set =
              [place, check](std::string_view text, Config* config) {
                ARROW_RETURN_NOT_OK(text.empty() ? Status::OK() : check(text));
                place.in(config) = text;
                return Status::OK();
              },
          .get = [place](const Config& config) { return place.in(config); }};
}

template <typename Section>
Key Secret(std::string name, Place<Section, std::string> place, Names names, std::string help) {
  Key key = Text(std::move(name), place, std::move(names), std::move(help));
  key.secret = true;
  return key;
}

Key PartlySecret(Key key, std::string (*hide)(std::string_view)) {
  key.hide = hide;
  return key;
}

// The limits belong to the key, with both ends, so that no value can overflow further down.
template <typename Value>
struct Range {
  Value least;
  Value most;
};

template <typename Value, typename Format>
Status CheckRange(Value value, Range<Value> range, Format format) {
  if (value >= range.least && value <= range.most) return Status::OK();
  return Status::Invalid(format(value), " is outside ", format(range.least), " to ",
                         format(range.most));
}

template <typename Section>
Key Time(std::string name, Place<Section, milliseconds> place, Range<milliseconds> range,
         std::string help) {
  return {.name = std::move(name),
          .other_names = {},
          .kind = Kind::kDuration,
          .help = std::move(help),
          .set =
              [place, range](std::string_view text, Config* config) {
                ARROW_ASSIGN_OR_RAISE(const milliseconds value, ParseDuration(text));
                ARROW_RETURN_NOT_OK(CheckRange(value, range, FormatDuration));
                place.in(config) = value;
                return Status::OK();
              },
          .get = [place](const Config& config) { return FormatDuration(place.in(config)); }};
}

template <typename Section>
Key Number(std::string name, Place<Section, int64_t> place, Kind kind, Range<int64_t> range,
           std::string help) {
  const auto format = [kind](int64_t value) {
    return kind == Kind::kSize ? FormatSize(value) : std::to_string(value);
  };
  return {.name = std::move(name),
          .other_names = {},
          .kind = kind,
          .help = std::move(help),
          .set =
              [place, range, kind, format](std::string_view text, Config* config) {
                ARROW_ASSIGN_OR_RAISE(const int64_t value,
                                      kind == Kind::kSize ? ParseSize(text) : ParseInteger(text));
                ARROW_RETURN_NOT_OK(CheckRange(value, range, format));
                place.in(config) = value;
                return Status::OK();
              },
          .get = [place, format](const Config& config) { return format(place.in(config)); }};
}

template <typename Section>
Key Boolean(std::string name, Place<Section, bool> place, std::string help) {
  return {.name = std::move(name),
          .other_names = {},
          .kind = Kind::kBoolean,
          .help = std::move(help),
          .set =
              [place](std::string_view text, Config* config) {
                const bool yes = text == "true" || text == "1" || text == "yes";
                const bool no = text == "false" || text == "0" || text == "no";
                if (!yes && !no) return Status::Invalid("\"", text, "\" is not true or false");
                place.in(config) = yes;
                return Status::OK();
              },
          .get = [place](const Config& config) { return place.in(config) ? "true" : "false"; }};
}

// A list arrives as one text: from the environment with commas between, from TOML with a line break
// before each element, so that an element may hold a comma.
std::vector<std::string> SplitList(std::string_view text) {
  const char separator = text.starts_with('\n') ? '\n' : ',';
  std::vector<std::string> elements;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    std::string_view element = text.substr(0, end);
    while (element.starts_with(' ')) element.remove_prefix(1);
    while (element.ends_with(' ')) element.remove_suffix(1);
    if (!element.empty()) elements.emplace_back(element);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return elements;
}

template <typename Section>
Key List(std::string name, Place<Section, std::vector<std::string>> place, std::string help,
         Status (*check)(const std::vector<std::string>&) = AnyList) {
  return {.name = std::move(name),
          .other_names = {},
          .kind = Kind::kList,
          .help = std::move(help),
          .set =
              [place, check](std::string_view text, Config* config) {
                place.in(config) = SplitList(text);
                return check(place.in(config));
              },
          .get =
              [place](const Config& config) {
                std::string text;
                for (const std::string& element : place.in(config)) {
                  text += (text.empty() ? "" : ", ") + element;
                }
                return text;
              }};
}

// A setting of one of two words: the one that stops, and another one that goes on.
template <typename Choice>
Key StopOrKey(std::string name, Choice Source::*member, const char* other, Choice meaning,
              std::string help) {
  return {.name = std::move(name),
          .other_names = {},
          .kind = Kind::kText,
          .help = std::move(help),
          .set =
              [=](std::string_view text, Config* config) {
                if (text != "stop" && text != other) {
                  return Status::Invalid("\"", text, "\" is not stop or ", other);
                }
                config->source.*member = text == "stop" ? Choice::kStop : meaning;
                return Status::OK();
              },
          .get =
              [=](const Config& config) {
                return std::string(config.source.*member == Choice::kStop ? "stop" : other);
              }};
}

// One of columns::OptionKeys(), for all tables.
Key OptionKey(const columns::OptionKey& option) {
  std::string help(option.help);
  if (!option.words.empty()) help += fmt::format(" ({})", fmt::join(option.words, ", "));
  return {.name = "types." + std::string(option.name),
          .other_names = {},
          .kind = Kind::kText,
          .help = std::move(help),
          .set =
              [&option](std::string_view text, Config* config) {
                ARROW_RETURN_NOT_OK(columns::CheckOption(option, text));
                config->types.words[std::string(option.name)] = text;
                return Status::OK();
              },
          .get =
              [&option](const Config& config) {
                const auto set = config.types.words.find(std::string(option.name));
                return set == config.types.words.end() ? std::string(option.default_word)
                                                       : set->second;
              }};
}

constexpr milliseconds kSecond{1'000};
constexpr milliseconds kDay{86'400'000};

std::vector<Key> SourceKeys() {
  constexpr auto s = &Config::source;
  return {
      Text("source.host", Place{s, &Source::host}, {"SQL_SERVER_HOST"},
           "SQL Server: db1, db1:1433, db1,1433, tcp:db1,1433, db1\\\\instance", CheckHost),
      Text("source.database", Place{s, &Source::database}, {"SQL_SERVER_DATABASE"},
           "database whose changes are captured"),
      Text("source.user", Place{s, &Source::user}, {"SQL_SERVER_USER"}, "SQL Server login"),
      Secret("source.password", Place{s, &Source::password}, {"SQL_SERVER_PASSWORD"},
             "its password"),
      Text("source.password_file", Place{s, &Source::password_file}, {},
           "file whose first line is the password"),
      Text("source.driver", Place{s, &Source::driver}, {"SQL_SERVER_DRIVER"},
           "ODBC driver: auto, a registered name, a library's path", CheckDriver),
      Text("source.encrypt", Place{s, &Source::encrypt}, {},
           "TLS: auto (what the driver can), yes, no, strict", CheckEncrypt),
      Boolean("source.trust_server_certificate", Place{s, &Source::trust_server_certificate},
              "take any certificate: encrypted, but the server is not verified"),
      Text("source.ca_file", Place{s, &Source::ca_file}, {},
           "file with the certificates that the server's must come from"),
      PartlySecret(Text("source.odbc_options", Place{s, &Source::odbc_options}, {},
                        "further words of the ODBC connection string: Word=value;Word=value"),
                   HideOdbcValues),
      Text("source.application_intent", Place{s, &Source::application_intent}, {},
           "ReadWrite, or ReadOnly for a readable secondary", CheckIntent),
      Boolean("source.multi_subnet_failover", Place{s, &Source::multi_subnet_failover},
              "try all addresses of an availability group's listener at once"),
      List("source.tables", Place{s, &Source::tables},
           "captured tables to deliver: patterns over schema.table with * and ? (default: all)"),
      List("source.exclude", Place{s, &Source::exclude},
           "captured tables to leave out, though tables names them"),
      List("source.instances", Place{s, &Source::instances},
           "capture instances that their tables are read from, where a table has two"),
      Text("source.start", Place{s, &Source::start}, {},
           "where a new table starts: oldest, now, a time (2025-01-09T14:30:00Z), an LSN",
           CheckStart),
      StopOrKey("source.on_gap", &Source::on_gap, "continue", OnGap::kContinue,
                "rows that cleanup removed before they were read: stop the table, or continue "
                "past them"),
      StopOrKey("source.on_replace", &Source::on_replace, "follow", OnReplace::kFollow,
                "another table is captured under a name that is delivered already: stop the "
                "name, or follow with the new table once the earlier one is delivered"),
      Text("source.time_zone", Place{s, &Source::time_zone}, {},
           "the server's time zone (Windows name), where it cannot tell by itself"),
      Time("source.login_timeout", Place{s, &Source::login_timeout}, {kSecond, kSecond * 600},
           "for connecting"),
      Time("source.query_timeout", Place{s, &Source::query_timeout}, {kSecond, kDay},
           "for a statement without any progress"),
      Time("source.lock_timeout", Place{s, &Source::lock_timeout},
           {milliseconds(10), kSecond * 600}, "for a lock on a change table"),
  };
}

std::vector<Key> TargetKeys() {
  constexpr auto t = &Config::target;
  return {
      Text("target.url", Place{t, &Target::url}, {"S3_BUCKET"},
           "s3://bucket/prefix or file:///folder (S3_BUCKET: the bucket, with S3_PREFIX)",
           CheckTargetUrl),
      Text("target.region", Place{t, &Target::region}, {"AWS_REGION", "AWS_DEFAULT_REGION"},
           "the bucket's region"),
      Text("target.endpoint", Place{t, &Target::endpoint},
           {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "S3 that is not AWS's: http://host:port",
           CheckEndpoint),
      Boolean("target.path_style", Place{t, &Target::path_style},
              "the bucket in the path instead of the host name (default: for local endpoints)"),
      Text("target.access_key_id", Place{t, &Target::access_key_id}, {"AWS_ACCESS_KEY_ID"},
           "access key"),
      Secret("target.secret_access_key", Place{t, &Target::secret_access_key},
             {"AWS_SECRET_ACCESS_KEY"}, "its secret"),
      Secret("target.session_token", Place{t, &Target::session_token}, {"AWS_SESSION_TOKEN"},
             "for temporary credentials"),
      Text("target.profile", Place{t, &Target::profile}, {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"},
           "profile of AWS's shared configuration files"),
      Boolean("target.anonymous", Place{t, &Target::anonymous},
              "sign nothing, for a store that wants no credentials"),
      Text("target.ca_bundle", Place{t, &Target::ca_bundle}, {"AWS_CA_BUNDLE"},
           "file with the certificates to trust, instead of the system's"),
      Text("target.state", Place{t, &Target::state}, {},
           "file:///folder for the state, where the store has no conditional writes", CheckState),
      Text("target.path", Place{t, &Target::path}, {},
           "folder of a table: {database}, {schema}, {table}, {date}", CheckPathTemplate),
      Text("target.on_type_change", Place{t, &Target::on_type_change}, {},
           "a column's type that readers cannot merge with earlier objects: stop, same_folder, "
           "new_folder (.../cdc_2)",
           CheckOnTypeChange),
      Text("target.sse", Place{t, &Target::sse}, {},
           "encryption to ask for: AES256, aws:kms, aws:kms:dsse (default: the bucket's)",
           CheckEncryption),
      Text("target.sse_kms_key_id", Place{t, &Target::sse_kms_key_id}, {},
           "the KMS key for it: an ARN, an id, alias/name (default: the account's)"),
      Boolean("target.sse_bucket_key", Place{t, &Target::sse_bucket_key},
              "fewer calls to KMS, by a key of the bucket's own"),
      Text("target.storage_class", Place{t, &Target::storage_class}, {},
           "of objects: STANDARD_IA, INTELLIGENT_TIERING, … (default: the bucket's)",
           CheckStorageClass),
      List("target.tags", Place{t, &Target::tags}, "tags of objects: name=value", CheckTags),
      Text("target.acl", Place{t, &Target::acl}, {},
           "canned ACL to ask for: bucket-owner-full-control, … (default: none)", CheckAcl),
      Boolean("target.requester_pays", Place{t, &Target::requester_pays},
              "agree to pay for requests to a bucket whose requester pays"),
      Text("target.expected_bucket_owner", Place{t, &Target::expected_bucket_owner}, {},
           "account id; a bucket that belongs to another account is refused", CheckAccount),
  };
}

std::vector<Key> RunKeys() {
  constexpr auto r = &Config::run;
  return {
      Time("run.interval", Place{r, &Run::interval}, {milliseconds(100), kDay},
           "from the start of one poll to the next"),
      // Sequence numbers and row counts are far below; a limit keeps arithmetic honest.
      Number("run.max_object_rows", Place{r, &Run::max_object_rows}, Kind::kInteger,
             {1, 1'000'000'000}, "rows of one object at most"),
      // S3 takes 5 GiB in one PUT.
      Number("run.max_object_bytes", Place{r, &Run::max_object_bytes}, Kind::kSize,
             {64 << 10, int64_t{4} << 30}, "an object ends when it has grown to this"),
      // Below 8,000 bytes an ordinary nvarchar(4000) would not fit; above, its UTF-16 not a slot.
      Number("run.max_value_bytes", Place{r, &Run::max_value_bytes}, Kind::kSize,
             {8 << 10, int64_t{512} << 20},
             "a value that is longer in the server (DATALENGTH; of xml, its text as UTF-16) stops "
             "its table; each such value of a row takes about 7 times its length in memory"),
      Text("run.temp_dir", Place{r, &Run::temp_dir}, {},
           "folder for larger objects while they are built (default: TMPDIR or /tmp)"),
      Number("run.workers", Place{r, &Run::workers}, Kind::kInteger, {1, 64},
             "tables that are read at the same time, with a connection each"),
      Time("run.object_age", Place{r, &Run::object_age}, {milliseconds(0), kDay},
           "changes wait until they are this old or fill an object"),
      Text("run.group", Place{r, &Run::group}, {},
           "name of this process's share of the tables, where several share one database",
           CheckGroup),
      Time("run.lease", Place{r, &Run::lease}, {kSecond, kSecond * 3'600},
           "a standby takes over when the owner has not been heard of for so long"),
      Text("run.listen", Place{r, &Run::listen}, {},
           "address of /metrics, /healthz and the status page: 127.0.0.1:9464", CheckListen),
      Secret(
          "run.listen_token", Place{r, &Run::listen_token}, {},
          "what a client sends as Authorization: Bearer, 16 bytes or more: openssl rand -hex 32"),
      Text("run.listen_token_file", Place{r, &Run::listen_token_file}, {},
           "file whose first line is this token"),
      List("run.listen_names", Place{r, &Run::listen_names},
           "host names by which clients ask for it, as metrics.example.org"),
      Text("run.log_level", Place{r, &Run::log_level}, {}, "debug, info, warn, error",
           CheckLogLevel),
      Text("run.log_format", Place{r, &Run::log_format}, {},
           "text, json, auto (progress on a terminal, else text)", CheckLogFormat),
  };
}

std::vector<Key> TypesKeys() {
  std::vector<Key> keys;
  for (const columns::OptionKey& option : columns::OptionKeys()) keys.push_back(OptionKey(option));
  constexpr auto t = &Config::types;
  keys.push_back(Secret("types.mask_key", Place{t, &Types::mask_key}, {},
                        "the key of mask = hash, 16 bytes or more: openssl rand -hex 32"));
  keys.push_back(Text("types.mask_key_file", Place{t, &Types::mask_key_file}, {},
                      "file with this key: all of its bytes but the line ends at its end"));
  return keys;
}

std::string Upper(std::string_view text) {
  std::string upper;
  for (const char c : text) {
    upper += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return upper;
}

}  // namespace

std::string Key::section() const { return name.substr(0, name.find('.')); }
std::string Key::environment_name() const { return "CDC_" + Upper(name); }

std::string Key::flag() const {
  if (section() == "types") return "";  // what files are like is not changed from run to run
  std::string flag = "--" + name.substr(name.find('.') + 1);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::vector<std::string> Key::all_names() const {
  std::vector<std::string> names = {environment_name()};
  names.insert(names.end(), other_names.begin(), other_names.end());
  return names;
}

const std::vector<Key>& Keys() {
  static const std::vector<Key> keys = [] {
    std::vector<Key> all;
    for (auto part : {SourceKeys(), TargetKeys(), RunKeys(), TypesKeys()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return keys;
}

const Key* FindKey(std::string_view name) {
  for (const Key& key : Keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace cdc::config

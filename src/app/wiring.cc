#include "app/wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "app/print.h"
#include "base/spool.h"
#include "base/text.h"
#include "config/checks.h"
#include "store/credentials/aws_settings.h"
#include "store/credentials/chain.h"
#include "store/open_store.h"
#include "store/probe.h"

namespace cdc::app {

namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kProgramBytes = 40 * kMiB;  // libraries, catalogue, state document
// Read and not yet put (capture/delivery.cc), and what the puts hold of it.
constexpr int64_t kReadyObjectsBytes = 16 * kMiB;
// What encoders and the compressor take beside a row group's pages.
constexpr int64_t kEncoderBytes = 3 * kMiB;
// A row of long values is held by one worker at a time. Measured times a value's length, of which
// as written (UTF-8, half again of what UTF-16 takes at most): once in FreeTDS, and as written once
// in Arrow, in the encoder and in its page, and compressed.
constexpr int64_t kLongValueTimes = 7;
// Two digits for each byte. Measured with bytes that nothing compresses: 7.9, and 4.9 as bytes.
constexpr int64_t kLongValueTimesHex = 8;
// A character of these code pages is one byte there and two or three in UTF-8.
constexpr int64_t kLongValueTimesOtherPages = 13;

// What one worker holds, whatever an object's or a transaction's size. The workers share a budget,
// so that more of them do not need much more memory; with few of them blocks and row groups are
// larger.
struct WorkerMemory {
  explicit WorkerMemory(int64_t workers)
      : block_bytes(std::clamp(8 * kMiB / workers, kMiB / 2, 8 * kMiB)),
        row_group_bytes(std::clamp(40 * kMiB / workers, 4 * kMiB, 10 * kMiB)),
        spool_bytes(std::clamp(8 * kMiB / workers, kMiB, 8 * kMiB)) {}

  // A row of one block or more is read by one worker at a time, with memory of its own.
  int64_t large_row_bytes() const { return std::min(block_bytes, 2 * kMiB); }

  int64_t block_bytes;      // bound arrays
  int64_t row_group_bytes;  // the open row group
  int64_t spool_bytes;      // an object in memory, before it goes on in a file

  // The same rows are there as bound arrays, as Arrow arrays, and as those that are being encoded.
  int64_t rowsets() const { return 3 * block_bytes; }
  int64_t row_group() const { return row_group_bytes + kEncoderBytes; }
  int64_t total() const { return rowsets() + row_group() + spool_bytes; }
};

std::string TempDir(const config::Config& config) {
  if (!config.run.temp_dir.empty()) return config.run.temp_dir;
  const char* tmpdir = std::getenv("TMPDIR");
  return tmpdir != nullptr && *tmpdir != '\0' ? tmpdir : "/tmp";
}

// config has checked the word.
odbc::Encrypt EncryptOf(const std::string& word) {
  if (word == "yes") return odbc::Encrypt::kYes;
  if (word == "no") return odbc::Encrypt::kNo;
  if (word == "strict") return odbc::Encrypt::kStrict;
  return odbc::Encrypt::kAuto;
}

}  // namespace

const char* Version() { return CDC_VERSION; }

void PrintError(const arrow::Status& status) {
  SayError("cdc-to-s3: {}\n", PrintableLines(status.message(), 2));
}

int ExitCodeOf(const arrow::Status& status) {
  return store::KindOf(status) == store::ErrorKind::kNoCredentials ? kExitUsage : kExitFailed;
}

namespace {

store::ObjectOptions ObjectOptions(const config::Target& target) {
  store::ObjectOptions objects;
  objects.sse = target.sse;
  objects.kms_key_id = target.sse_kms_key_id;
  objects.bucket_key = target.sse_bucket_key;
  objects.storage_class = target.storage_class;
  objects.acl = target.acl;
  for (const std::string& tag : target.tags) {
    const size_t equals = tag.find('=');
    objects.tags.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  return objects;
}

bool IsS3(const std::string& url) { return url.starts_with("s3://"); }

// [types] first: what tables and columns say otherwise comes after it.
columns::OutputRules OutputRules(const config::Types& types) {
  columns::OutputRules output;
  columns::OutputRule everywhere;
  everywhere.words = types.words;
  everywhere.origin = "[types]";
  output.rules.push_back(std::move(everywhere));
  output.rules.insert(output.rules.end(), types.rules.begin(), types.rules.end());
  if (!types.mask_key.empty()) {
    output.mask_key = std::make_shared<const std::string>(types.mask_key);
  }
  return output;
}

store::CredentialsOptions CredentialsOptions(const config::Config& config) {
  store::CredentialsOptions options;
  options.keys = {config.target.access_key_id, config.target.secret_access_key,
                  config.target.session_token};
  options.profile = config.target.profile;
  options.region = config.target.region;
  options.ca_bundle = config.target.ca_bundle;
  options.environment = config.aws_environment;
  return options;
}

// What AWS's own variables and files say holds where the settings say nothing.
arrow::Status HearAwsSettings(const config::Config& config, store::CredentialsOptions* credentials,
                              store::S3Options* options) {
  ARROW_ASSIGN_OR_RAISE(const auto aws, store::ReadAwsSettings(*credentials));
  const auto is_default = [&](const char* key) {
    const auto origin = config.origins.find(key);
    return origin == config.origins.end() || origin->second == "default";
  };
  if (is_default("target.region") && !aws.region.empty()) credentials->region = aws.region;
  options->region = credentials->region;
  options->use_fips = aws.use_fips;
  options->use_dualstack = aws.use_dualstack;
  options->spares_checksum = aws.spares_checksum;
  if (options->endpoint.empty() && !aws.endpoint.empty()) {
    const arrow::Status good = config::CheckEndpoint(aws.endpoint);
    if (!good.ok()) {
      return arrow::Status::Invalid("endpoint_url of AWS's profile: ", good.message());
    }
    options->endpoint = aws.endpoint;
    const bool is_local = config::IsLocalEndpoint(aws.endpoint);
    if (is_default("target.path_style")) options->path_style = is_local;
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<Stores> OpenStores(const config::Config& config) {
  store::S3Options options;
  options.objects = ObjectOptions(config.target);
  options.expected_bucket_owner = config.target.expected_bucket_owner;
  options.requester_pays = config.target.requester_pays;
  options.endpoint = config.target.endpoint;
  options.path_style = config.target.path_style;
  options.anonymous = config.target.anonymous;
  options.http.ca_bundle = config.target.ca_bundle;
  Stores stores;
  if (IsS3(config.target.url)) {
    store::CredentialsOptions credentials = CredentialsOptions(config);
    ARROW_RETURN_NOT_OK(HearAwsSettings(config, &credentials, &options));
    if (!options.anonymous) {
      ARROW_ASSIGN_OR_RAISE(options.refreshed, store::OpenCredentials(credentials));
      stores.credentials_from = options.refreshed->place();
    }
  }
  ARROW_ASSIGN_OR_RAISE(stores.data, store::OpenStore(config.target.url, options));
  if (!config.target.state.empty()) {
    ARROW_ASSIGN_OR_RAISE(stores.local_state, store::OpenStore(config.target.state, options));
  }
  return stores;
}

source::SqlServerOptions SourceOptions(const config::Config& config) {
  source::SqlServerOptions options;
  options.connect.driver = config.source.driver;
  options.connect.host = config.source.host;
  options.connect.database = config.source.database;
  options.connect.user = config.source.user;
  options.connect.password = config.source.password;
  options.connect.login_timeout =
      std::chrono::ceil<std::chrono::seconds>(config.source.login_timeout);
  options.connect.query_timeout =
      std::chrono::ceil<std::chrono::seconds>(config.source.query_timeout);
  options.connect.encrypt = EncryptOf(config.source.encrypt);
  options.connect.trust_server_certificate = config.source.trust_server_certificate;
  options.connect.ca_file = config.source.ca_file;
  options.connect.odbc_options = config.source.odbc_options;
  options.connect.read_only_intent = config.source.application_intent == "ReadOnly";
  options.connect.multi_subnet_failover = config.source.multi_subnet_failover;
  options.lock_timeout = config.source.lock_timeout;
  options.time_zone = config.source.time_zone;
  options.max_value_bytes = config.run.max_value_bytes;
  options.output = OutputRules(config.types);
  const WorkerMemory memory(config.run.workers);
  options.block_bytes = memory.block_bytes;
  options.large_row_bytes = memory.large_row_bytes();
  return options;
}

rules::OnTypeChange OnTypeChangeOf(const std::string& word) {
  if (word == "same_folder") return rules::OnTypeChange::kSameFolder;
  return word == "new_folder" ? rules::OnTypeChange::kNewFolder : rules::OnTypeChange::kStop;
}

capture::Options CaptureOptions(const config::Config& config, const std::string& database) {
  capture::Options options;
  options.database = database;
  options.path = config.target.path;
  options.group = config.run.group;
  options.tables = config.source.tables;
  options.exclude = config.source.exclude;
  options.instances = config.source.instances;
  options.start = config.source.start;
  options.on_gap =
      config.source.on_gap == config::OnGap::kStop ? rules::OnGap::kStop : rules::OnGap::kContinue;
  options.on_replace = config.source.on_replace == config::OnReplace::kStop
                           ? rules::OnReplace::kStop
                           : rules::OnReplace::kFollow;
  options.on_type_change = OnTypeChangeOf(config.target.on_type_change);
  options.limits.max_rows = config.run.max_object_rows;
  options.limits.max_bytes = config.run.max_object_bytes;
  options.limits.temp_dir = TempDir(config);
  const WorkerMemory memory(config.run.workers);
  options.limits.row_group_memory_bytes = memory.row_group_bytes;
  options.limits.spool_memory_bytes = memory.spool_bytes;
  options.workers = config.run.workers;
  options.object_age = config.run.object_age;
  options.lease = config.run.lease;
  options.conditional_puts = config.target.state.empty();
  options.program_version = Version();
  return options;
}

int64_t PeakMemoryBytes(const config::Config& config) {
  return kProgramBytes + kReadyObjectsBytes +
         config.run.workers * WorkerMemory(config.run.workers).total();
}

int64_t LongValueBytes(const config::Config& config) {
  return kLongValueTimes * config.run.max_value_bytes;
}

std::string MemoryFormula(const config::Config& config) {
  const WorkerMemory memory(config.run.workers);
  return fmt::format(
      "at most about {}: program {} + ready objects {} + {} workers x (rowsets {} + open row group "
      "{} + object {}); larger objects grow in {}. Rows longer than {} are read by one worker at a "
      "time; each long value in such a row adds {} times its length, up to {} at max_value_bytes "
      "({}); {} times as hex digits (binary = \"hex\"), {} times as text of a code page whose "
      "characters take two or three bytes in UTF-8 (Cyrillic, Greek, Thai)",
      HumanBytes(PeakMemoryBytes(config)), HumanBytes(kProgramBytes),
      HumanBytes(kReadyObjectsBytes), config.run.workers, HumanBytes(memory.rowsets()),
      HumanBytes(memory.row_group()), HumanBytes(memory.spool_bytes), TempDir(config),
      HumanBytes(memory.large_row_bytes()), kLongValueTimes, HumanBytes(LongValueBytes(config)),
      HumanBytes(config.run.max_value_bytes), kLongValueTimesHex, kLongValueTimesOtherPages);
}

arrow::Status CheckTempDir(const config::Config& config) {
  const auto spool = Spool::Create(TempDir(config), /*memory_limit_bytes=*/0);
  arrow::Status written = spool->Write("x");
  if (written.ok()) return written;
  return written.WithMessage(written.message(), ". Larger objects grow there: set [run] ",
                             "temp_dir (CDC_RUN_TEMP_DIR) to a folder that can be written");
}

arrow::Status RequireConditions(const Stores& stores) {
  if (stores.local_state) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto conditions, store::ProbeConditions(*stores.data));
  if (conditions.BothHold()) return arrow::Status::OK();
  return arrow::Status::Invalid(
      "the target ", stores.data->url(),
      " does not keep the conditions that exactly-once needs: ", conditions.advice);
}

}  // namespace cdc::app

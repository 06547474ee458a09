#include "app/wiring.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/spool.h"
#include "base/text.h"
#include "store/credentials/chain.h"
#include "store/open_store.h"
#include "store/probe.h"

namespace cdc::app {

namespace {

// What one table's work holds, whatever an object's or a transaction's size.
constexpr int64_t kProgramBytes = 40 << 20;      // libraries, catalogue, state document
constexpr int64_t kRowsetBytes = 2 * (8 << 20);  // bound arrays, and the same rows as Arrow arrays
constexpr int64_t kRowGroupBytes = 20 << 20;     // the open row group with its encoders
constexpr int64_t kReadyObjectsBytes =
    24 << 20;  // objects waiting for their claim, and one in the making

std::string TempDir(const config::Config& config) {
  if (!config.run.temp_dir.empty()) return config.run.temp_dir;
  const char* tmpdir = std::getenv("TMPDIR");
  return tmpdir != nullptr && *tmpdir != '\0' ? tmpdir : "/tmp";
}

}  // namespace

const char* Version() { return CDC_VERSION; }

void PrintError(const arrow::Status& status) {
  fmt::print(stderr, "cdc-to-s3: {}\n", status.message());
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
  for (const std::string& tag : target.tags) {
    const size_t equals = tag.find('=');
    objects.tags.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  return objects;
}

bool IsS3(const std::string& url) { return url.starts_with("s3://"); }

store::CredentialsOptions CredentialsOptions(const config::Config& config) {
  store::CredentialsOptions options;
  options.keys = {config.target.access_key_id, config.target.secret_access_key,
                  config.target.session_token};
  options.profile = config.target.profile;
  options.region = config.target.region;
  options.ca_bundle = config.target.ca_bundle;
  options.environment = config.aws_environment;
  const auto origin = config.origins.find("target.region");
  if (origin == config.origins.end() || origin->second == "default") {
    const std::string of_profile = store::RegionOfProfile(options);
    if (!of_profile.empty()) options.region = of_profile;
  }
  return options;
}

}  // namespace

arrow::Result<Stores> OpenStores(const config::Config& config) {
  store::S3Options options;
  options.objects = ObjectOptions(config.target);
  options.expected_bucket_owner = config.target.expected_bucket_owner;
  options.endpoint = config.target.endpoint;
  options.path_style = config.target.path_style;
  options.anonymous = config.target.anonymous;
  options.http.ca_bundle = config.target.ca_bundle;
  Stores stores;
  if (IsS3(config.target.url)) {
    const store::CredentialsOptions credentials = CredentialsOptions(config);
    options.region = credentials.region;
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
  options.lock_timeout = config.source.lock_timeout;
  options.time_zone = config.source.time_zone;
  options.max_value_bytes = config.run.max_value_bytes;
  return options;
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
  options.on_gap = config.source.on_gap == config::OnGap::kStop ? capture::OnGap::kStop
                                                                : capture::OnGap::kContinue;
  options.limits.max_rows = config.run.max_object_rows;
  options.limits.max_bytes = config.run.max_object_bytes;
  options.limits.temp_dir = TempDir(config);
  options.workers = config.run.workers;
  options.object_age = config.run.object_age;
  options.lease = config.run.lease;
  options.conditional_puts = config.target.state.empty();
  options.program_version = Version();
  return options;
}

int64_t PeakMemoryBytes(const config::Config& config) {
  // A value that fills its slot is there in the driver's array, as an Arrow value, and in the
  // encoder.
  const int64_t values = 3 * std::max<int64_t>(0, config.run.max_value_bytes - (16 << 20));
  return kProgramBytes + kRowsetBytes + kRowGroupBytes + kReadyObjectsBytes + values;
}

std::string MemoryFormula(const config::Config& config) {
  return fmt::format(
      "at most about {}: program {} + rowset {} + open row group {} + ready objects {}{}; larger "
      "objects grow "
      "in {}",
      HumanBytes(PeakMemoryBytes(config)), HumanBytes(kProgramBytes), HumanBytes(kRowsetBytes),
      HumanBytes(kRowGroupBytes), HumanBytes(kReadyObjectsBytes),
      config.run.max_value_bytes > (16 << 20) ? " + 3 x what max_value_bytes exceeds 16 MiB by"
                                              : "",
      TempDir(config));
}

arrow::Status CheckTempDir(const config::Config& config) {
  const auto spool = Spool::Create(TempDir(config), /*memory_limit_bytes=*/0);
  arrow::Status written = spool->Write("x");
  if (written.ok()) return written;
  return written.WithMessage(written.message(), ". Objects above 8 MiB grow there: set [run] ",
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

#include "source/server_version.h"

#include <charconv>

namespace cdc::source {

namespace {

constexpr int32_t kSqlServer2016 = 13, kSqlServer2022 = 16;

// The number that a text begins with; 0 if it begins with none.
template <typename Number>
Number Leading(const std::optional<std::string>& text) {
  Number value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

bool IsAzure(const ServerVersion& version) {
  return version.IsAzureSqlDatabase() || version.IsManagedInstance();
}

}  // namespace

bool ServerVersion::KnowsItsTimeZone() const { return major >= kSqlServer2022 || IsAzure(*this); }

bool ServerVersion::HasAtTimeZone() const {
  return major >= kSqlServer2016 || major == 0 || IsAzure(*this);
}

bool ServerVersion::HasNarrowRights() const { return major >= kSqlServer2022; }

ServerVersion VersionOf(const std::optional<std::string>& product,
                        const std::optional<std::string>& engine_edition) {
  return {.product = product.value_or(""),
          .major = Leading<int32_t>(product),
          .engine_edition = Leading<int64_t>(engine_edition)};
}

arrow::Result<sql::CommitTime> CommitTimeOf(const ServerVersion& version,
                                            const std::string& time_zone) {
  sql::CommitTime commit_time;
  if (time_zone.empty()) {
    commit_time.mode =
        version.KnowsItsTimeZone() ? CommitTimeMode::kServerZone : CommitTimeMode::kOffsetNow;
    return commit_time;
  }
  if (!version.HasAtTimeZone()) {
    return arrow::Status::Invalid(
        "[source] time_zone is \"", time_zone, "\", but this SQL Server is ", version.product,
        ", and AT TIME ZONE came with SQL Server 2016 (13.0). Leave time_zone out: commit times "
        "are "
        "then taken with the server's UTC offset of now, and are an hour off for rows from before "
        "a change of summer time");
  }
  commit_time.mode = CommitTimeMode::kNamedZone;
  commit_time.zone = time_zone;
  return commit_time;
}

}  // namespace cdc::source

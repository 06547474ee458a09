#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "source/source.h"

// What the catalogue's statements (sql.h) answer, as our own types. An error says what the server
// gave instead.
namespace cdc::source {

using Row = std::vector<std::optional<std::string>>;

arrow::Result<int64_t> Int(const std::optional<std::string>& cell, const char* what);
arrow::Result<int32_t> Int32(const std::optional<std::string>& cell, const char* what);
arrow::Result<std::optional<Lsn>> OptionalLsn(const std::optional<std::string>& cell);
// Whether the server refuses something for want of a right: SELECT, one of a database's or the
// server's, or a user in that database.
bool IsDenied(const arrow::Status& status);
arrow::Status ExpectResults(const std::vector<odbc::SmallResult>& results, size_t count);

// The newest row; the second when the newest is the dummy of an idle database, which counts only
// once a higher row exists.
arrow::Result<std::optional<Horizon>> HorizonOf(const odbc::SmallResult& newest_two);
// Whether rows of cdc.lsn_time_mapping (sql::kNewestRows) tell that this database gets rows while
// it is idle.
arrow::Result<bool> ShowsIdleRows(const odbc::SmallResult& newest_first);
arrow::Result<std::vector<CaptureInstance>> InstancesOf(const odbc::SmallResult& result);
arrow::Result<CapturedColumnMap> CapturedColumnsOf(const odbc::SmallResult& result);

}  // namespace cdc::source

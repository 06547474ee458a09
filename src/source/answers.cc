#include "source/answers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>

#include "base/fault.h"
#include "base/utc_text.h"

namespace cdc::source {

using arrow::Result;
using arrow::Status;
using odbc::SmallResult;

namespace {

// So many dummy rows one after the other, each so long after the one before, are those of an idle
// database: making capture instances may leave single ones.
constexpr int kIdleRowsMin = 3;
constexpr std::chrono::minutes kIdleRowsApart{1};

// A row of an idle database has a tran_id of zero.
bool IsDummy(const std::optional<std::string>& tran_id) {
  return !tran_id || tran_id->find_first_not_of('\0') == std::string::npos;
}

}  // namespace

Result<int64_t> Int(const std::optional<std::string>& cell, const char* what) {
  if (!cell) return Status::Invalid("the server gave NULL for ", what);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  if (error != std::errc{} || end != cell->data() + cell->size()) {
    return Status::Invalid("the server gave '", *cell, "' for ", what);
  }
  return value;
}

Result<int32_t> Int32(const std::optional<std::string>& cell, const char* what) {
  ARROW_ASSIGN_OR_RAISE(const int64_t value, Int(cell, what));
  return static_cast<int32_t>(value);
}

Result<std::optional<Lsn>> OptionalLsn(const std::optional<std::string>& cell) {
  if (!cell) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const Lsn lsn, Lsn::FromBytes(*cell));
  return lsn;
}

bool IsDenied(const Status& status) {
  const int denials[] = {229, 230, 262, 297, 300, 371, 916};
  return std::ranges::find(denials, FaultOf(status).native) != std::end(denials);
}

Status ExpectResults(const std::vector<SmallResult>& results, size_t count) {
  if (results.size() == count) return Status::OK();
  return Status::IOError("the server sent ", results.size(), " results where ", count,
                         " were expected");
}

Result<std::optional<Horizon>> HorizonOf(const SmallResult& newest_two) {
  for (size_t i = 0; i < newest_two.rows.size(); ++i) {
    const Row& row = newest_two.rows[i];
    if (i == 0 && IsDummy(row[1])) continue;
    ARROW_ASSIGN_OR_RAISE(const std::optional<Lsn> lsn, OptionalLsn(row[0]));
    if (!lsn) return Status::Invalid("cdc.lsn_time_mapping has a row without start_lsn");
    return Horizon{*lsn, row[2].value_or("")};
  }
  return std::nullopt;
}

Result<bool> ShowsIdleRows(const SmallResult& newest_first) {
  int found = 0;
  UtcTime after{};
  for (const Row& row : newest_first.rows) {
    if (!IsDummy(row[0])) {
      found = 0;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const UtcTime at, ParseUtc(row[1].value_or("") + "Z"));
    found = found > 0 && after - at >= kIdleRowsApart ? found + 1 : 1;
    if (found == kIdleRowsMin) return true;
    after = at;
  }
  return false;
}

Result<std::vector<CaptureInstance>> InstancesOf(const SmallResult& result) {
  std::vector<CaptureInstance> instances;
  for (const Row& row : result.rows) {
    CaptureInstance instance;
    ARROW_ASSIGN_OR_RAISE(instance.change_table_object_id, Int(row[0], "change_tables.object_id"));
    ARROW_ASSIGN_OR_RAISE(instance.source_object_id, Int(row[1], "change_tables.source_object_id"));
    instance.name = row[2].value_or("");
    ARROW_ASSIGN_OR_RAISE(const std::optional<Lsn> start, OptionalLsn(row[3]));
    instance.start_lsn = start.value_or(Lsn{});
    instance.schema = row[4].value_or("");
    instance.table = row[5].value_or("");
    instance.change_table = row[6].value_or(instance.name + "_CT");
    instance.create_date = row[7].value_or("");
    instances.push_back(std::move(instance));
  }
  return instances;
}

Result<CapturedColumnMap> CapturedColumnsOf(const SmallResult& result) {
  CapturedColumnMap columns;
  for (const Row& row : result.rows) {
    ARROW_ASSIGN_OR_RAISE(const int64_t id, Int(row[0], "captured_columns.object_id"));
    ARROW_ASSIGN_OR_RAISE(const int32_t column_id, Int32(row[3], "captured_columns.column_id"));
    columns[id].push_back({row[1].value_or(""), row[2].value_or(""), column_id});
  }
  return columns;
}

}  // namespace cdc::source

#pragma once

#include <arrow/result.h>

#include <memory>
#include <mutex>

#include "odbc/connection.h"
#include "source/source.h"
#include "source/sql.h"

namespace cdc::source {

struct ReadLimits {
  int64_t rows_per_block = 1024;
  // Bound arrays of one statement stay below this; fewer rows a block when rows are wide.
  int64_t block_bytes = 8 << 20;
  int64_t max_value_bytes = 16 << 20;  // in the server (columns::ValueLength)
  // A row whose slots take more than this is read by one reader at a time.
  int64_t large_row_bytes = 2 << 20;
  std::shared_ptr<std::mutex> large_rows = std::make_shared<std::mutex>();
};

// `connection` must outlive the reader, and nothing else may use it while the reader is not paused.
arrow::Result<std::unique_ptr<ChangeReader>> OpenChangeReader(
    odbc::Connection& connection, const TableDescription& table, const sql::CommitTime& commit_time,
    const Position& from, const Position& to, const ReadLimits& limits);

}  // namespace cdc::source

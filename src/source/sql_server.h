#pragma once

#include <arrow/result.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "columns/output_rules.h"
#include "odbc/connection.h"
#include "source/source.h"

namespace cdc::source {

struct SqlServerOptions {
  odbc::ConnectOptions connect;
  std::chrono::milliseconds lock_timeout{5'000};
  std::string time_zone;  // Windows zone name; empty: the server's own word, else its offset of now
  int64_t max_value_bytes = 16 << 20;
  int64_t block_bytes = 8 << 20;  // bound arrays of one statement stay below this
  // Sources made from copies of these options take turns at rows larger than this.
  int64_t large_row_bytes = 2 << 20;
  std::shared_ptr<std::mutex> large_rows = std::make_shared<std::mutex>();
  columns::OutputRules output;
};

// Connects; Identify and Poll follow. What cannot be reached, opened or read is an error whose
// message says what to do (T-SQL included).
arrow::Result<std::unique_ptr<Source>> ConnectSqlServer(const SqlServerOptions& options);

// Adds to an error of the database what would mend it: the GRANT, the procedure to run, the
// setting.
arrow::Status WithRemedy(const arrow::Status& status, const std::string& user,
                         const std::string& database);

}  // namespace cdc::source

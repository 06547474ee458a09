#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "source/health.h"
#include "source/server_version.h"
#include "source/sql.h"

namespace cdc::source {

// Asks a server how its side of capture does: a handful of small statements, each by itself because
// the login may lack the right for it. What was refused is not asked again for a while.
class HealthReader {
 public:
  struct Server {
    std::string database;
    std::string user;
    ServerVersion version;
  };

  explicit HealthReader(Server server) : server_(std::move(server)) {}

  // Only a lost connection is an error, or a database that cannot be read at all.
  arrow::Result<CaptureHealth> Read(odbc::Connection& connection,
                                    const sql::CommitTime& commit_time,
                                    const std::vector<TablePosition>& tables);

 private:
  const Server server_;
  int64_t measurements_ = 0;
  std::map<std::string, Unseen> refused_;  // by what was asked for
};

}  // namespace cdc::source

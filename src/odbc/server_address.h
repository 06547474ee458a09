#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>

namespace cdc::odbc {

// Where a server listens. Written db1, db1:1433, db1,1433, tcp:db1,1433, [::1]:1433, ::1 or
// db1\instance (SQL Server Browser, UDP 1434, is asked for the port; a port given beside it wins).
// `.` and `(local)`, as SQL Server's own tools take them, are localhost.
struct ServerAddress {
  std::string host;
  int port = 1433;
  std::string instance;  // if not empty, the port is not known

  // What both drivers take after `Server=`.
  std::string DriverText() const;
  bool IsLocalhost() const;
  static arrow::Result<ServerAddress> Parse(std::string_view text);
};

}  // namespace cdc::odbc

#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "odbc/session.h"

namespace cdc::odbc {

// Connection::Query: all result sets with columns, read value by value.
arrow::Result<std::vector<SmallResult>> RunSmallQuery(const std::shared_ptr<Session>& session,
                                                      const std::string& sql,
                                                      const std::vector<Parameter>& parameters,
                                                      int64_t max_rows);

}  // namespace cdc::odbc

#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "odbc/handles.h"
#include "odbc/parameters.h"
#include "odbc/session.h"

namespace cdc::odbc {

// One batch that has been sent, and the results that come back. Holds its session; the only open
// statement of it. The destructor closes.
class Statement {
 public:
  static arrow::Result<std::unique_ptr<Statement>> Execute(
      std::shared_ptr<Session> session, const std::string& sql,
      const std::vector<Parameter>& parameters);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  SQLHANDLE handle() const { return handle_.get(); }
  Session& session() const { return *session_; }

  // Columns of the current result; 0 for one without rows (a PRINT, the count of an INSERT).
  arrow::Result<int> ColumnCount();
  // Goes to the next result; false if there is none: then everything has been read.
  arrow::Result<bool> NextResult();
  // Goes on to the first result with columns, if the current one has none; false if there is none.
  arrow::Result<bool> SkipToRows();
  // Fetches a block (of one row unless bound otherwise). The return code goes to the caller, who
  // knows which returns of SQL_SUCCESS_WITH_INFO it can explain.
  SQLRETURN Fetch();
  // At the end of a result: whether the server counted as many rows.
  arrow::Status CheckRowCount(int64_t rows);

  // Closes, breaking off what still comes. An error means that the connection is not usable any
  // more.
  arrow::Status Close();

 private:
  explicit Statement(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  arrow::Status Start(const std::string& sql, const std::vector<Parameter>& parameters);

  std::shared_ptr<Session> session_;
  std::unique_ptr<Parameters> parameters_;  // outlives the handle: the driver may look at it
  StatementHandle handle_;
  bool open_ = true;
};

}  // namespace cdc::odbc

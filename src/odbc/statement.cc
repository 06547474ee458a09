#include "odbc/statement.h"

#include <fmt/format.h>

#include "odbc/utf16.h"

namespace cdc::odbc {
namespace {

constexpr int kResultsWithoutRowsMax = 10000;  // a batch of our own never has so many
constexpr std::string_view kExecuting = "run a statement";
constexpr std::string_view kReading = "read a result";

}  // namespace

arrow::Result<std::unique_ptr<Statement>> Statement::Execute(
    std::shared_ptr<Session> session, const std::string& sql,
    const std::vector<Parameter>& parameters) {
  if (session->broken()) {
    return MakeErrorWithText("the connection is lost; connect anew", {}, Retry::kAfterReconnect, 0);
  }
  if (!session->Occupy()) {
    return arrow::Status::Invalid("another statement is open on this connection; close it first");
  }
  session->ClearCancelled();
  std::unique_ptr<Statement> statement(new Statement(std::move(session)));
  arrow::Status started = statement->Start(sql, parameters);
  if (started.ok()) return statement;
  const std::shared_ptr<Session> still_open = statement->session_;
  statement.reset();  // Confirm needs the connection for itself
  return still_open->Confirm(std::move(started));
}

arrow::Status Statement::Start(const std::string& sql, const std::vector<Parameter>& parameters) {
  ARROW_ASSIGN_OR_RAISE(handle_, StatementHandle::Allocate(session_->connection()));
  const auto timeout = static_cast<SQLULEN>(session_->query_timeout().count());
  // NOLINTNEXTLINE(performance-no-int-to-ptr): ODBC passes integers as pointers.
  SQLSetStmtAttrW(handle(), SQL_ATTR_QUERY_TIMEOUT, reinterpret_cast<SQLPOINTER>(timeout),
                  SQL_IS_UINTEGER);
  parameters_ = std::make_unique<Parameters>(parameters);
  ARROW_RETURN_NOT_OK(session_->Check(parameters_->Bind(handle()), handle(), "bind a parameter"));
  std::u16string text = ToUtf16(sql);
  const SQLRETURN result = session_->Run(handle(), [&] {
    return SQLExecDirectW(handle(), reinterpret_cast<SQLWCHAR*>(text.data()),
                          static_cast<SQLINTEGER>(text.size()));
  });
  // SQL_NO_DATA: an UPDATE or DELETE that touched no row.
  return result == SQL_NO_DATA ? arrow::Status::OK()
                               : session_->Check(result, handle(), kExecuting);
}

Statement::~Statement() {
  // Who cares whether it worked asks Close; a connection that it broke says so.
  (void)Close();
}

arrow::Result<int> Statement::ColumnCount() {
  SQLSMALLINT count = 0;
  ARROW_RETURN_NOT_OK(session_->Check(SQLNumResultCols(handle(), &count), handle(), kReading));
  return count;
}

arrow::Result<bool> Statement::NextResult() {
  const SQLRETURN result = session_->Run(handle(), [&] { return SQLMoreResults(handle()); });
  if (result == SQL_NO_DATA) return false;
  ARROW_RETURN_NOT_OK(session_->Check(result, handle(), kReading));
  return true;
}

arrow::Result<bool> Statement::SkipToRows() {
  for (int skipped = 0; skipped < kResultsWithoutRowsMax; ++skipped) {
    ARROW_ASSIGN_OR_RAISE(const int columns, ColumnCount());
    if (columns > 0) return true;
    ARROW_ASSIGN_OR_RAISE(const bool more, NextResult());
    if (!more) return false;
  }
  return arrow::Status::Invalid("a batch has more than ", kResultsWithoutRowsMax,
                                " results without rows");
}

SQLRETURN Statement::Fetch() {
  return session_->Run(handle(), [&] { return SQLFetchScroll(handle(), SQL_FETCH_NEXT, 0); });
}

arrow::Status Statement::CheckRowCount(int64_t rows) {
  SQLLEN counted = -1;
  const SQLRETURN result = SQLRowCount(handle(), &counted);
  if (!SQL_SUCCEEDED(result)) return session_->Fail(handle(), kReading);
  if (counted == rows) return arrow::Status::OK();
  return session_->Distrust(
      kReading,
      fmt::format("{} rows came, and the server counted {} (-1 or 0: it sent no count; the "
                  "batch must not SET NOCOUNT ON)",
                  rows, counted));
}

arrow::Status Statement::Close() {
  if (!open_) return arrow::Status::OK();
  open_ = false;
  SQLRETURN result = SQL_SUCCESS;
  if (handle() != nullptr) {
    // Not SQLCloseCursor: after a failed fetch Microsoft's driver would stay in a wrong state.
    result = SQLFreeStmt(handle(), SQL_CLOSE);
  }
  arrow::Status status = arrow::Status::OK();
  if (!SQL_SUCCEEDED(result)) status = session_->Fail(handle(), "close a result");
  handle_ = StatementHandle();
  session_->Vacate();
  // FreeTDS fails here, too, when further statements of the batch had errors: a permission that is
  // missing is seldom missing once. Then the connection itself tells whether it still serves.
  if (FaultOf(status).retry == Retry::kWhenSomebodyActs) (void)session_->Confirm(status);
  const bool serves = FaultOf(status).retry == Retry::kWhenSomebodyActs && !session_->broken();
  if (status.ok() || serves) return arrow::Status::OK();
  session_->set_broken();
  return status;
}

}  // namespace cdc::odbc

#include "odbc/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "odbc/login_error.h"
#include "odbc/utf16.h"

namespace cdc::odbc {
namespace {

// What every connection begins with. Row counts are half of the proof that a result is complete.
constexpr std::u16string_view kOpeningBatch = u"SET NOCOUNT OFF";
constexpr std::chrono::seconds kProbeTimeout{5};
constexpr std::chrono::milliseconds kPatience{200};

SQLPOINTER AsPointer(std::chrono::seconds value) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): ODBC passes integers as pointers.
  return reinterpret_cast<SQLPOINTER>(static_cast<SQLULEN>(value.count()));
}

SQLWCHAR* Wide(std::u16string_view text) {
  // ODBC takes its input texts as non-const and does not write to them.
  return reinterpret_cast<SQLWCHAR*>(const_cast<char16_t*>(text.data()));
}

std::string InfoText(SQLHANDLE connection, SQLUSMALLINT what) {
  std::array<SQLWCHAR, 256> text{};
  SQLSMALLINT bytes = 0;
  if (!SQL_SUCCEEDED(SQLGetInfoW(connection, what, text.data(), sizeof(text), &bytes))) return "?";
  const size_t units = std::min(static_cast<size_t>(bytes) / 2, text.size() - 1);
  return ToUtf8({reinterpret_cast<const char16_t*>(text.data()), units});
}

}  // namespace

arrow::Result<std::shared_ptr<Session>> Session::Connect(const ConnectOptions& options) {
  auto session = std::make_shared<Session>();
  ARROW_ASSIGN_OR_RAISE(session->driver_, ChooseInstalledDriver(options.driver));
  ARROW_ASSIGN_OR_RAISE(
      const std::string words,
      ConnectionString(session->profile(), session->driver_.name_or_path, options));
  ARROW_ASSIGN_OR_RAISE(session->environment_, Environment::Make());
  ARROW_ASSIGN_OR_RAISE(session->connection_,
                        ConnectionHandle::Allocate(session->environment_.get()));
  session->query_timeout_ = options.query_timeout;

  SQLHANDLE connection = session->connection();
  SQLSetConnectAttrW(connection, SQL_ATTR_LOGIN_TIMEOUT, AsPointer(options.login_timeout),
                     SQL_IS_UINTEGER);
  const std::u16string wide = ToUtf16(words);
  const SQLRETURN result =
      SQLDriverConnectW(connection, nullptr, Wide(wide), static_cast<SQLSMALLINT>(wide.size()),
                        nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT);
  if (!SQL_SUCCEEDED(result)) {
    return LoginError(ReadDiagnostics(SQL_HANDLE_DBC, connection), options, session->profile());
  }
  ARROW_RETURN_NOT_OK(session->Configure());
  return session;
}

arrow::Status Session::Configure() {
  ARROW_ASSIGN_OR_RAISE(const StatementHandle statement, StatementHandle::Allocate(connection()));
  SQLSetStmtAttrW(statement.get(), SQL_ATTR_QUERY_TIMEOUT, AsPointer(query_timeout_),
                  SQL_IS_UINTEGER);
  const SQLRETURN result = SQLExecDirectW(statement.get(), Wide(kOpeningBatch),
                                          static_cast<SQLINTEGER>(kOpeningBatch.size()));
  if (result == SQL_NO_DATA) return arrow::Status::OK();
  return Check(result, statement.get(), "set the session's options");
}

std::string Session::DriverDescription() const {
  return fmt::format("{} {} ({})", profile().name, InfoText(connection(), SQL_DRIVER_VER),
                     InfoText(connection(), SQL_DRIVER_NAME));
}

void Session::SetRunning(SQLHANDLE statement) {
  {
    const std::lock_guard lock(running_mutex_);
    running_ = statement;
    ++calls_;
  }
  running_changed_.notify_all();
}

void Session::Cancel() {
  cancelled_ = true;
  std::unique_lock lock(running_mutex_);
  if (running_ == nullptr) return;
  // Most calls end by themselves, and whoever makes them then sees the flag. Only one that waits
  // for the server is broken into: FreeTDS can miss a cancel that comes while it reads.
  const int64_t call = calls_;
  const bool ended = running_changed_.wait_for(lock, kPatience, [&] { return calls_ != call; });
  if (!ended) SQLCancel(running_);  // the lock is held: the statement cannot be freed meanwhile
}

arrow::Status Session::Check(SQLRETURN result, SQLHANDLE statement, std::string_view doing) {
  if (result == SQL_SUCCESS) return arrow::Status::OK();
  if (result != SQL_SUCCESS_WITH_INFO) return Fail(statement, doing);
  if (OnlyHarmless(ReadDiagnostics(SQL_HANDLE_STMT, statement), profile()))
    return arrow::Status::OK();
  return Fail(statement, doing);
}

arrow::Status Session::Fail(SQLHANDLE statement, std::string_view doing) {
  std::vector<Diagnostic> records = ReadDiagnostics(SQL_HANDLE_STMT, statement);
  SQLUINTEGER dead = SQL_CD_FALSE;
  SQLGetConnectAttrW(connection(), SQL_ATTR_CONNECTION_DEAD, &dead, SQL_IS_UINTEGER, nullptr);
  const ErrorClass error_class = Classify(records, profile(), dead == SQL_CD_TRUE);
  if (error_class == ErrorClass::kConnectionLost) set_broken();
  return MakeError(doing, std::move(records), error_class, profile());
}

arrow::Status Session::Distrust(std::string_view doing, std::string_view why) {
  set_broken();
  return MakeErrorWithText(fmt::format("{}: the result may be cut: {}", doing, why), {},
                           ErrorClass::kConnectionLost, 0);
}

bool Session::Alive() {
  auto statement = StatementHandle::Allocate(connection());
  if (!statement.ok()) return false;
  SQLSetStmtAttrW(statement->get(), SQL_ATTR_QUERY_TIMEOUT, AsPointer(kProbeTimeout),
                  SQL_IS_UINTEGER);
  const SQLRETURN result = SQLExecDirectW(statement->get(), Wide(kOpeningBatch),
                                          static_cast<SQLINTEGER>(kOpeningBatch.size()));
  return SQL_SUCCEEDED(result) || result == SQL_NO_DATA;
}

arrow::Status Session::Confirm(arrow::Status error) {
  if (error.ok() || DiagnosticsOf(error).empty()) return error;
  if (ClassOf(error) == ErrorClass::kConnectionLost) return error;
  const bool lives = !broken() && (ClassOf(error) == ErrorClass::kTransient || Alive());
  if (lives) return error;
  set_broken();
  return AsConnectionLost(error);
}

}  // namespace cdc::odbc

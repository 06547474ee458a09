#include "odbc/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hidden.h"
#include "odbc/extra_words.h"
#include "odbc/login_error.h"
#include "odbc/server_address.h"
#include "odbc/server_tls.h"
#include "odbc/tls_environment.h"
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

// After a failed login: what the server shows, if TLS may be the reason and its port is known.
std::optional<ServerTls> LookAtTls(const std::vector<Diagnostic>& records,
                                   const ConnectOptions& options, const DriverProfile& profile,
                                   const Encryption& encryption, const ServerAddress& server) {
  if (!server.instance.empty() || !MayBeTls(records, profile, encryption)) return std::nullopt;
  TlsQuestion question{.server = server,
                       .host_name = server.host,
                       .ca_file = options.ca_file,
                       .strict = encryption.mode == Encryption::Mode::kStrict};
  const auto extra = ParseExtraWords(profile, options.odbc_options);
  const std::string* name = extra.ok() ? FindWord(*extra, "HostNameInCertificate") : nullptr;
  if (name != nullptr) question.host_name = *name;
  question.timeout = std::min(question.timeout, options.login_timeout);
  auto seen = ExamineTls(question);
  return seen.ok() ? std::optional(std::move(*seen)) : std::nullopt;
}

}  // namespace

arrow::Result<std::shared_ptr<Session>> Session::Connect(const ConnectOptions& options) {
  auto session = std::make_shared<Session>();
  ARROW_ASSIGN_OR_RAISE(session->driver_, ChooseInstalledDriver(options.driver));
  ARROW_RETURN_NOT_OK(RefuseDump(session->profile()));
  ARROW_ASSIGN_OR_RAISE(const Encryption encryption, DecideEncryption(session->profile(), options));
  ARROW_ASSIGN_OR_RAISE(session->environment_, Environment::Make());
  ARROW_ASSIGN_OR_RAISE(session->connection_,
                        ConnectionHandle::Allocate(session->environment_.get()));
  session->query_timeout_ = options.query_timeout;
  ARROW_RETURN_NOT_OK(session->LogIn(options, encryption));
  ARROW_RETURN_NOT_OK(session->Configure());
  return session;
}

arrow::Status Session::LogIn(const ConnectOptions& options, const Encryption& encryption) {
  ARROW_ASSIGN_OR_RAISE(const ServerAddress server, ServerAddress::Parse(options.host));
  ARROW_ASSIGN_OR_RAISE(const std::string words,
                        ConnectionString(profile(), driver_.name_or_path, options, encryption));
  ARROW_RETURN_NOT_OK(PrepareEnvironment(profile(), options, encryption, server));
  SQLSetConnectAttrW(connection(), SQL_ATTR_LOGIN_TIMEOUT, AsPointer(options.login_timeout),
                     SQL_IS_UINTEGER);
  const std::u16string wide = ToUtf16(words);
  const SQLRETURN result =
      SQLDriverConnectW(connection(), nullptr, Wide(wide), static_cast<SQLSMALLINT>(wide.size()),
                        nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT);
  if (SQL_SUCCEEDED(result)) {
    security_ = encryption.Security(options);
    return CheckWordsKnown(options);
  }
  std::vector<Diagnostic> records = ReadDiagnostics(SQL_HANDLE_DBC, connection());
  const std::optional<ServerTls> seen = LookAtTls(records, options, profile(), encryption, server);
  if (seen && !seen->offered && encryption.or_clear) {
    return LogIn(options, {.mode = Encryption::Mode::kLoginOnly, .verified = false});
  }
  return LoginError(std::move(records), options, profile(), encryption, seen);
}

// Microsoft's driver says with 01S00 that it passed over a word; ours are all known to it.
arrow::Status Session::CheckWordsKnown(const ConnectOptions& options) {
  if (options.odbc_options.empty()) return arrow::Status::OK();
  for (const Diagnostic& record : ReadDiagnostics(SQL_HANDLE_DBC, connection())) {
    if (record.sqlstate != "01S00") continue;
    return arrow::Status::Invalid(
        "source.odbc_options: the driver ", profile().name, " does not know one of the words in '",
        HideOdbcValues(options.odbc_options), "' and passed over it: ", record.message);
  }
  return arrow::Status::OK();
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
    const MutexLock lock(running_mutex_);
    running_ = statement;
    ++calls_;
  }
  running_changed_.NotifyAll();
}

Session::~Session() {
  if (canceller_.joinable()) canceller_.join();
}

// Microsoft's SQLCancel sends its request to stop and then waits until the other thread's call has
// ended (measured): with a server that answers nothing that is the query timeout. So it has a
// thread of its own.
void Session::Cancel() {
  cancelled_ = true;
  const MutexLock guard(canceller_mutex_);
  if (cancelling_) return;
  if (canceller_.joinable()) canceller_.join();
  int64_t call = 0;
  {
    const MutexLock lock(running_mutex_);
    if (running_ == nullptr) return;
    call = calls_;
  }
  cancelling_ = true;
  canceller_ = std::thread([this, call] {
    BreakOff(call);
    cancelling_ = false;
  });
}

void Session::BreakOff(int64_t call) {
  MutexLock lock(running_mutex_);
  // Most calls end by themselves, and whoever makes them then sees the flag. Only one that waits
  // for the server is broken into: FreeTDS can miss a cancel that comes while it reads.
  const bool ended = running_changed_.WaitFor(
      running_mutex_, kPatience, [&]() REQUIRES(running_mutex_) { return calls_ != call; });
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
  const std::vector<Diagnostic> records = ReadDiagnostics(SQL_HANDLE_STMT, statement);
  SQLUINTEGER dead = SQL_CD_FALSE;
  SQLGetConnectAttrW(connection(), SQL_ATTR_CONNECTION_DEAD, &dead, SQL_IS_UINTEGER, nullptr);
  const Retry retry = Classify(records, profile(), dead == SQL_CD_TRUE);
  if (retry == Retry::kAfterReconnect) set_broken();
  return MakeError(doing, records, retry, profile());
}

arrow::Status Session::Distrust(std::string_view doing, std::string_view why) {
  set_broken();
  return MakeErrorWithText(fmt::format("{}: the result may be cut: {}", doing, why), {},
                           Retry::kAfterReconnect, 0);
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
  const Fault& fault = FaultOf(error);
  if (error.ok() || fault.records.empty()) return error;
  if (fault.retry == Retry::kAfterReconnect) return error;
  const bool lives = !broken() && (fault.retry == Retry::kNextRound || Alive());
  if (lives) return error;
  set_broken();
  return AsConnectionLost(error);
}

}  // namespace cdc::odbc

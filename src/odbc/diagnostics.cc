#include "odbc/diagnostics.h"

#include <fmt/format.h>
#include <sqlext.h>

#include <algorithm>
#include <array>

#include "odbc/driver_profile.h"
#include "odbc/utf16.h"

namespace cdc::odbc {
namespace {

constexpr int kRecordsMax = 50;  // SQL Server sends at most one record a failed statement and line

// The same statement may succeed later on this or another connection. Sources: Microsoft's pages
// "Database engine errors" and "Troubleshoot transient connection errors" (Azure SQL).
constexpr int kTransientNatives[] = {
    601,   701,   802,   845,         // data movement, memory, buffer latch
    921,   922,   924,   927,         // database in recovery, of one user, or being restored
    942,                              // database offline
    976,   978,   982,   983,   988,  // availability group: replica cannot serve now
    1204,  1205,  1222,               // locks used up, deadlock victim, lock timeout
    3960,  3961,  3980,               // snapshot conflict, batch aborted
    4221,  8628,  8645,  8651,        // replica not ready, memory grants
    10928, 10929,                     // resource limits (Azure)
    17142, 17187, 17809, 17830, 17889,
    18401, 18451, 18461,  // server paused, starting, upgrading, one user
    40143, 40197, 40501, 40540, 40613,
    41301, 41302, 41305,  // failover, busy, in-memory conflicts
    49918, 49919, 49920};

// SQL Server closes the connection with these (severity 20 and more, or KILL), or the network did.
constexpr int kLostNatives[] = {21,    64,    121,   233,   596,   823,   824,
                                3624,  4014,  5180,  6002,  6005,  9001,  10053,
                                10054, 10060, 17803, 17805, 17806, 17836, 18002};

// A statement names a database that is not there or not for this login. Microsoft's driver gives
// them class 08, but the connection goes on.
constexpr int kOtherDatabaseNatives[] = {911, 916};

template <size_t kSize>
bool Contains(const int (&numbers)[kSize], int number) {
  return std::find(std::begin(numbers), std::end(numbers), number) != std::end(numbers);
}

// A query timeout or a cancelled call; both drivers keep the connection.
bool IsInterruption(const Diagnostic& record) {
  return record.sqlstate == "HYT00" || record.sqlstate == "HY008" || record.sqlstate == "S1T00";
}

// What Microsoft's driver says, without a number, of a reply that ends in an error without a text
// (measured: a DONE with its error bit alone).
constexpr std::string_view kMaybeTerminated = "Connection may have been terminated by the server";

bool TellsOfBrokenConnection(const Diagnostic& record, const DriverProfile& profile) {
  if (IsInterruption(record) || Contains(kOtherDatabaseNatives, record.native)) return false;
  if (record.native == 0 && record.message.find(kMaybeTerminated) != std::string::npos) return true;
  return record.sqlstate.starts_with("08") || Contains(kLostNatives, record.native) ||
         (record.native >= profile.broken_native_from && record.native <= profile.broken_native_to);
}

// "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Invalid object" -> "Invalid object"
std::string_view WithoutPrefixes(std::string_view message) {
  while (message.starts_with('[')) {
    const size_t end = message.find(']');
    if (end == message.npos) break;
    message.remove_prefix(end + 1);
  }
  return message;
}

}  // namespace

std::vector<Diagnostic> ReadDiagnostics(SQLSMALLINT handle_type, SQLHANDLE handle) {
  std::vector<Diagnostic> records;
  std::array<SQLWCHAR, 6> state{};
  std::vector<SQLWCHAR> message(4096);  // SQL Server's texts have at most 2047 characters
  for (SQLSMALLINT number = 1; number <= kRecordsMax; ++number) {
    SQLINTEGER native = 0;
    SQLSMALLINT length = 0;
    const SQLRETURN result =
        SQLGetDiagRecW(handle_type, handle, number, state.data(), &native, message.data(),
                       static_cast<SQLSMALLINT>(message.size()), &length);
    if (!SQL_SUCCEEDED(result)) break;
    const auto units =
        std::min<size_t>(static_cast<size_t>(std::max<SQLSMALLINT>(length, 0)), message.size() - 1);
    const std::string text = ToUtf8({reinterpret_cast<const char16_t*>(message.data()), units});
    records.push_back({ToUtf8({reinterpret_cast<const char16_t*>(state.data()), 5}), native,
                       std::string(WithoutPrefixes(text))});
  }
  return records;
}

bool IsTransientNative(int native) { return Contains(kTransientNatives, native); }

bool OnlyHarmless(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile) {
  return !diagnostics.empty() &&
         std::all_of(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& record) {
           return record.sqlstate.starts_with("01") && !TellsOfBrokenConnection(record, profile);
         });
}

Retry Classify(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile,
               bool connection_dead) {
  if (connection_dead || diagnostics.empty()) return Retry::kAfterReconnect;
  bool transient = false;
  for (const Diagnostic& record : diagnostics) {
    if (TellsOfBrokenConnection(record, profile)) return Retry::kAfterReconnect;
    transient |= IsInterruption(record) || IsTransientNative(record.native);
  }
  return transient ? Retry::kNextRound : Retry::kWhenSomebodyActs;
}

const Diagnostic* Principal(const std::vector<Diagnostic>& diagnostics,
                            const DriverProfile& profile) {
  for (const Diagnostic& record : diagnostics) {
    const bool from_driver =
        record.native >= profile.broken_native_from && record.native <= profile.broken_native_to;
    // A message that was cut on the way arrives empty.
    const bool says_something = record.native != 0 && !record.message.empty();
    if (says_something && !from_driver && !record.sqlstate.starts_with("01")) return &record;
  }
  return diagnostics.empty() ? nullptr : &diagnostics.front();
}

std::string RecordsText(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& record : diagnostics) {
    text += fmt::format("{}{} {}: {}", text.empty() ? "" : "; ", record.sqlstate, record.native,
                        record.message);
  }
  return text;
}

arrow::Status MakeErrorWithText(std::string text, const std::vector<Diagnostic>& diagnostics,
                                Retry retry, int native) {
  const Reach reach = retry == Retry::kAfterReconnect ? Reach::kConnection : Reach::kTable;
  return MakeFault({retry, reach, native, {}, RecordsText(diagnostics)}, std::move(text));
}

arrow::Status MakeError(std::string_view doing, const std::vector<Diagnostic>& diagnostics,
                        Retry retry, const DriverProfile& profile) {
  const Diagnostic* principal = Principal(diagnostics, profile);
  if (principal == nullptr) {
    return MakeErrorWithText(fmt::format("{}: the driver failed and did not say why", doing), {},
                             retry, 0);
  }
  const int native = principal->native;
  std::string text = fmt::format("{}: {} (error {}, SQLSTATE {})", doing, principal->message,
                                 native, principal->sqlstate);
  return MakeErrorWithText(std::move(text), diagnostics, retry, native);
}

arrow::Status AsConnectionLost(const arrow::Status& status) {
  Fault fault = FaultOf(status);
  fault.retry = Retry::kAfterReconnect;
  fault.reach = Reach::kConnection;
  return MakeFault(std::move(fault), status.message() + "; the connection is lost");
}

}  // namespace cdc::odbc

#include "odbc/login_error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/units.h"
#include "odbc/diagnostics.h"
#include "odbc/server_address.h"
#include "odbc/tls_error.h"

namespace cdc::odbc {
namespace {

// FreeTDS's only word for a handshake that failed; it has the same for a server that hangs up.
constexpr int kFreeTdsNoConnection = 20002;

std::string Redacted(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

bool HasNative(const std::vector<Diagnostic>& records, int native) {
  return std::any_of(records.begin(), records.end(),
                     [&](const Diagnostic& record) { return record.native == native; });
}

bool HasState(const std::vector<Diagnostic>& records, std::string_view prefix) {
  return std::any_of(records.begin(), records.end(),
                     [&](const Diagnostic& record) { return record.sqlstate.starts_with(prefix); });
}

bool Mentions(const std::vector<Diagnostic>& records, std::string_view words) {
  return std::any_of(records.begin(), records.end(), [&](const Diagnostic& record) {
    return record.message.find(words) != std::string::npos;
  });
}

struct Finding {
  std::string text;
  Retry retry = Retry::kWhenSomebodyActs;
  int native = 0;
};

// A database that cannot be used for now: being restored, of one user, or of a replica that does
// not serve. It may come together with 4060 and 18456, and says more.
Finding NotNow(const std::vector<Diagnostic>& records, const ConnectOptions& options) {
  for (const Diagnostic& record : records) {
    if (!IsTransientNative(record.native)) continue;
    return {fmt::format("database '{}' on {} cannot be used now; it is tried again by itself",
                        options.database, options.host),
            Retry::kNextRound, record.native};
  }
  return {};
}

// What SQL Server itself said. 4060 comes together with 18456 and says more.
Finding ServersAnswer(const std::vector<Diagnostic>& records, const ConnectOptions& options) {
  const auto& [user, host, database] = std::tie(options.user, options.host, options.database);
  if (HasNative(records, 4060) || HasNative(records, 911)) {
    return {
        fmt::format("database '{}' cannot be opened on {}: it does not exist, is offline, being "
                    "restored or in use by a single user, or login '{}' has no user in it (CREATE "
                    "USER in that database)",
                    database, host, user),
        Retry::kWhenSomebodyActs, HasNative(records, 4060) ? 4060 : 911};
  }
  if (HasNative(records, 18487) || HasNative(records, 18488)) {
    return {
        fmt::format("the password of login '{}' on {} has expired or must be changed (ALTER LOGIN)",
                    user, host),
        Retry::kWhenSomebodyActs, HasNative(records, 18487) ? 18487 : 18488};
  }
  for (const int native : {18456, 18452, 18470, 18486}) {
    if (!HasNative(records, native)) continue;
    return {
        fmt::format(
            "login of '{}' on {} failed: check user and password, that the login is enabled and "
            "not locked, and that the server allows SQL Server authentication",
            user, host),
        Retry::kWhenSomebodyActs, native};
  }
  return {};
}

// Any other answer of the server's: its own words say best what it is. They come with the records
// of a connection that ended, which say nothing beside them.
Finding ServersRefusal(const std::vector<Diagnostic>& records, const ConnectOptions& options,
                       const DriverProfile& profile) {
  for (const Diagnostic& record : records) {
    const bool of_driver =
        record.native >= profile.broken_native_from && record.native <= profile.broken_native_to;
    const bool of_network = record.sqlstate.starts_with("08") || record.sqlstate.starts_with("HY");
    if (record.native <= 0 || of_driver || of_network || record.sqlstate.starts_with("01"))
      continue;
    return {fmt::format("{} refused the login of '{}'", options.host, options.user),
            Classify({record}, profile, false), record.native};
  }
  return {};
}

// SQL Server Browser (UDP 1434) tells an instance's port; both drivers say no more than that they
// cannot connect when it does not answer.
std::string InstanceRemedy(const ConnectOptions& options) {
  if (options.host.find('\\') == std::string::npos) return "";
  return ". The port of a named instance comes from SQL Server Browser: is that service running "
         "and "
         "UDP 1434 open? Or set source.host to host:port";
}

// Where the driver looked up another name than the one that was written.
std::string OwnNameRemedy(const ConnectOptions& options, const DriverProfile& profile,
                          const Encryption& encryption) {
  const auto server = ServerAddress::Parse(options.host);
  if (!server.ok() || !server->IsLocalhost() || !profile.localhost_is_own_name) return "";
  if (DialsLoopback(profile, *server, encryption)) return "";
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return fmt::format(
      ". This driver looks localhost up as the machine's own name, {0}: give {0} the address "
      "127.0.0.1 in /etc/hosts, or install Microsoft's ODBC Driver 18, which can be told otherwise",
      name.data());
}

std::string CannotConnect(const ConnectOptions& options, const std::string& own_name) {
  return fmt::format(
             "cannot connect to {}: check host, port, and that the server runs and listens on TCP",
             options.host) +
         InstanceRemedy(options) + own_name;
}

// The server's end went in the middle: as Windows and Linux number it, and FreeTDS; Microsoft's
// driver has no number inside of TLS.
bool WasCut(const std::vector<Diagnostic>& records) {
  constexpr int kNatives[] = {10054, 104, 20004, 20006, 20017, kFreeTdsNoConnection};
  return Mentions(records, "SSL Provider: Error code") ||
         std::ranges::any_of(kNatives, [&](int native) { return HasNative(records, native); });
}

// The server was not reached, or not understood. `own_name`: what helps if another name was looked
// up than the one that was written.
Finding NetworksAnswer(const std::vector<Diagnostic>& records, const ConnectOptions& options,
                       const DriverProfile& profile, const std::string& own_name) {
  if (HasState(records, "IM") || Mentions(records, "Can't open lib")) {
    return {fmt::format("the ODBC driver could not be loaded; install {}", profile.package),
            Retry::kWhenSomebodyActs, 0};
  }
  // FreeTDS has numbers of its own; Microsoft's driver gives those of Windows Sockets, and repeats
  // everything until the login timeout, so these count before it.
  for (const int native : {20013, 11001, 11002, 11004}) {
    if (!HasNative(records, native)) continue;
    return {
        fmt::format("host {} is not known: check the name and the DNS{}", options.host, own_name),
        Retry::kAfterReconnect, native};
  }
  // Measured: on Linux a refused connection is 10057, "not connected"; FreeTDS has 20009.
  for (const int native : {10057, 10061, 20009}) {
    if (!HasNative(records, native)) continue;
    return {CannotConnect(options, own_name), Retry::kAfterReconnect, native};
  }
  if (HasState(records, "HYT") || HasState(records, "S1T") || HasNative(records, 20003)) {
    return {fmt::format(
                "{} did not answer within {}: check host, port, firewall, and that the server runs",
                options.host, HumanDuration(options.login_timeout)) +
                InstanceRemedy(options) + own_name,
            Retry::kAfterReconnect, 0};
  }
  if (Mentions(records, "Protocol error in TDS stream")) {
    return {fmt::format("what answers at {} is no SQL Server: check host and port", options.host),
            Retry::kAfterReconnect, 0};
  }
  if (WasCut(records)) {
    return {fmt::format("{} ended the connection during the login: is the server starting, failing "
                        "over or out of connections, does something on the way (firewall, "
                        "balancer) cut them, or is that another port than SQL Server's?",
                        options.host),
            Retry::kAfterReconnect, 0};
  }
  return {};
}

}  // namespace

bool MayBeTls(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile,
              const Encryption& encryption) {
  if (Mentions(diagnostics, "SSL") || Mentions(diagnostics, "Encryption")) return true;
  if (encryption.mode == Encryption::Mode::kStrict) return HasState(diagnostics, "08");
  return profile.has_configuration_file && HasNative(diagnostics, kFreeTdsNoConnection);
}

arrow::Status LoginError(std::vector<Diagnostic> diagnostics, const ConnectOptions& options,
                         const DriverProfile& profile, const Encryption& encryption,
                         const std::optional<ServerTls>& seen) {
  for (Diagnostic& record : diagnostics)
    record.message = Redacted(record.message, options.password);
  Finding finding = NotNow(diagnostics, options);
  if (finding.text.empty()) finding = ServersAnswer(diagnostics, options);
  if (finding.text.empty()) finding = ServersRefusal(diagnostics, options, profile);
  if (finding.text.empty() && MayBeTls(diagnostics, profile, encryption)) {
    TlsFinding tls = ExplainTls(diagnostics, options, profile, encryption, seen);
    finding = {std::move(tls.text),
               tls.may_pass ? Retry::kAfterReconnect : Retry::kWhenSomebodyActs, 0};
  }
  const std::string own_name = OwnNameRemedy(options, profile, encryption);
  if (finding.text.empty()) finding = NetworksAnswer(diagnostics, options, profile, own_name);
  const Diagnostic* principal = Principal(diagnostics, profile);
  if (finding.text.empty()) {
    finding = {CannotConnect(options, own_name), Classify(diagnostics, profile, false),
               principal != nullptr ? principal->native : 0};
  }
  if (principal != nullptr) {
    finding.text += fmt::format(" (driver {}: {}, error {})", profile.name, principal->message,
                                principal->native);
  }
  // Nothing goes over a connection that is refused. A database that is not there for now asks for
  // patience instead: whoever wanted it asks again.
  const Reach reach = finding.retry == Retry::kNextRound ? Reach::kTable : Reach::kConnection;
  return MakeFault({finding.retry, reach, finding.native, {}, RecordsText(diagnostics)},
                   std::move(finding.text));
}

}  // namespace cdc::odbc

#include "odbc/tls_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace cdc::odbc {
namespace {

std::string_view SettingText(Encrypt encrypt) {
  switch (encrypt) {
    case Encrypt::kAuto:
      return "auto";
    case Encrypt::kYes:
      return "yes";
    case Encrypt::kNo:
      return "no";
    case Encrypt::kStrict:
      return "strict";
  }
  return "?";
}

// The middle of a sentence "…, and encrypt = no": why there is TLS at all.
std::string Insists(const ConnectOptions& options) {
  return options.encrypt == Encrypt::kNo
             ? fmt::format("{} insists on encryption though encrypt = no; ", options.host)
             : "";
}

std::string NotOffered(const ConnectOptions& options) {
  return fmt::format(
      "{} offers no TLS, and encrypt = {} demands it: give the server a certificate, or set "
      "encrypt "
      "= no in a network that you trust",
      options.host, SettingText(options.encrypt));
}

std::string NotTrusted(const ConnectOptions& options, std::string_view why,
                       std::string_view certificate) {
  const std::string which = certificate.empty() ? "" : fmt::format(" ({})", certificate);
  return fmt::format(
      "{}the certificate of {}{} is not trusted by {}: {}; set ca_file to the authority that "
      "issued "
      "it, or trust_server_certificate = true to encrypt without knowing who the server is",
      Insists(options), options.host, which, AuthoritiesText(options), why);
}

std::string WrongName(const ConnectOptions& options, const DriverProfile& profile,
                      std::string_view names) {
  const std::string which = names.empty() ? "" : fmt::format(", only for {}", names);
  return fmt::format(
      "{}the certificate of {} is not for that host name{}: connect by a name that it holds{}, or "
      "trust_server_certificate = true to encrypt without knowing who the server is",
      Insists(options), options.host, which,
      profile.has_configuration_file
          ? ""
          : " (Microsoft's driver does not take IP addresses), set odbc_options = "
            "\"HostNameInCertificate=<name>\" (driver 18)");
}

std::string NoTls(const ConnectOptions& options, std::string_view why) {
  return fmt::format(
      "TLS with {} failed: {}; encrypt = {}: which versions and ciphers does the server allow?",
      options.host, why, SettingText(options.encrypt));
}

bool Mentions(const std::vector<Diagnostic>& records, std::string_view words) {
  return std::ranges::any_of(records, [&](const Diagnostic& record) {
    return record.message.find(words) != std::string::npos;
  });
}

// In the words of Microsoft's driver and of the OpenSSL in it.
TlsFinding DriversView(const std::vector<Diagnostic>& records, const ConnectOptions& options,
                       const DriverProfile& profile) {
  if (Mentions(records, "Encryption not supported on SQL Server")) return {NotOffered(options)};
  if (Mentions(records, "does not match host name")) return {WrongName(options, profile, "")};
  if (Mentions(records, "certificate verify failed")) {
    return {NotTrusted(options, "its chain does not lead to one of them", "")};
  }
  // OpenSSL gives its reason as [error:…]. A number alone is a connection that went (measured:
  // under TDS 8, 0xFFFFFFFF).
  if (!Mentions(records, "[error:") || Mentions(records, "unexpected eof")) return {};
  return {NoTls(options, "no secure connection could be agreed on")};
}

std::string NotStrict(const ConnectOptions& options, std::string_view failure) {
  return fmt::format(
      "{} does not speak TDS 8 ({}), and encrypt = strict demands it: set encrypt = "
      "yes for servers before SQL Server 2022",
      options.host, failure);
}

TlsFinding NoHandshake(const ServerTls& seen, const ConnectOptions& options,
                       const Encryption& encryption) {
  const bool strict = encryption.mode == Encryption::Mode::kStrict;
  if (strict && (seen.older || !seen.hung_up)) return {NotStrict(options, seen.failure)};
  return {NoTls(options, seen.failure), seen.hung_up};
}

}  // namespace

TlsFinding ExplainTls(const std::vector<Diagnostic>& diagnostics, const ConnectOptions& options,
                      const DriverProfile& profile, const Encryption& encryption,
                      const std::optional<ServerTls>& seen) {
  if (!seen) return DriversView(diagnostics, options, profile);
  const bool login_only = encryption.mode == Encryption::Mode::kLoginOnly;
  // The login alone is encrypted where the server offers it, and in clear where it does not.
  if (!seen->offered) return login_only ? TlsFinding{} : TlsFinding{NotOffered(options)};
  if (!seen->failure.empty()) return NoHandshake(*seen, options, encryption);
  // A server that insists on encryption though encrypt = no is verified by Microsoft's driver.
  const bool verifies = encryption.verified || (login_only && profile.verifies_by_default);
  if (verifies && !seen->distrust.empty()) {
    return {NotTrusted(options, seen->distrust, seen->certificate)};
  }
  if (verifies && !seen->for_host) return {WrongName(options, profile, seen->names)};
  return DriversView(diagnostics, options, profile);
}

}  // namespace cdc::odbc

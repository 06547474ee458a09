#include "odbc/driver_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "odbc/encryption.h"
#include "odbc/extra_words.h"
#include "odbc/tls_environment.h"

namespace cdc::odbc {
namespace {

// ConnectRetryCount=0: Microsoft's driver would otherwise reconnect in silence, and what was read
// before and after might come from different replicas. Language: messages in English and one date
// format, whatever the login's default language is.
constexpr std::string_view kMicrosoftWords =
    "ConnectRetryCount=0;MARS_Connection=no;Language=us_english;";
// Without ClientCharset text is Latin-1 and '?'. Without TDS_Version an environment variable
// decides.
constexpr std::string_view kFreeTdsWords =
    "ClientCharset=UTF-8;TDS_Version=7.4;Language=us_english;";

constexpr std::array<std::string_view, 7> kFreeTdsKnownWords = {
    "APP", "WSID", "PacketSize", "ServerSPN", "REALM", "UseNTLMv2", "Trusted_Connection"};

// Microsoft's 17 takes yes and no as 18 does, but leaves them at no unless told, and has no strict.
constexpr std::array<DriverProfile, 3> kProfiles = {{
    {.name = "ODBC Driver 18 for SQL Server",
     .library_stem = "libmsodbcsql-18",
     .package = "msodbcsql18 (from Microsoft's package repository)",
     .login_only_words = "Encrypt=no;",
     .everything_words = "Encrypt=yes;",
     .strict_words = "Encrypt=strict;",
     .trust_words = "TrustServerCertificate=yes;",
     .verify_words = "TrustServerCertificate=no;",
     .other_words = kMicrosoftWords,
     .verifies_by_default = true,
     .has_configuration_file = false,
     .has_multi_subnet_failover = true,
     .localhost_is_own_name = true,
     .certificate_name_word = "HostNameInCertificate",
     .known_words = {},
     .doubles_closing_brace = true,
     .broken_native_from = 1,
     .broken_native_to = 0},
    {.name = "ODBC Driver 17 for SQL Server",
     .library_stem = "libmsodbcsql-17",
     .package = "msodbcsql17 (from Microsoft's package repository)",
     .login_only_words = "Encrypt=no;",
     .everything_words = "Encrypt=yes;",
     .strict_words = "",
     .trust_words = "TrustServerCertificate=yes;",
     .verify_words = "TrustServerCertificate=no;",
     .other_words = kMicrosoftWords,
     .verifies_by_default = true,
     .has_configuration_file = false,
     .has_multi_subnet_failover = true,
     .localhost_is_own_name = true,
     .certificate_name_word = "",
     .known_words = {},
     .doubles_closing_brace = true,
     .broken_native_from = 1,
     .broken_native_to = 0},
    {.name = "FreeTDS",
     .library_stem = "libtdsodbc",
     .package = "tdsodbc",
     .login_only_words = "Encryption=request;",
     .everything_words = "Encryption=require;",
     .strict_words = "",
     .trust_words = "",
     .verify_words = "",
     .other_words = kFreeTdsWords,
     .verifies_by_default = false,
     .has_configuration_file = true,
     .has_multi_subnet_failover = false,
     .localhost_is_own_name = false,
     .certificate_name_word = "",
     .known_words = kFreeTdsKnownWords,
     .doubles_closing_brace = false,
     .broken_native_from = 20000,
     .broken_native_to = 20999},
}};

arrow::Result<std::string> Quote(const DriverProfile& profile, std::string_view word,
                                 std::string_view value) {
  if (value.find('\0') != value.npos) {
    return arrow::Status::Invalid("the ", word, " holds a NUL character");
  }
  std::string quoted = "{";
  if (profile.doubles_closing_brace) {
    for (const char c : value) quoted.append(c == '}' ? 2 : 1, c);
  } else {
    if (value.find("};") != value.npos) {
      return arrow::Status::Invalid("the ", word, " holds '};', which the driver ", profile.name,
                                    " cannot be told; use Microsoft's driver or change the ", word);
    }
    quoted += value;
  }
  return quoted + "}";
}

// A driver that takes its authorities from a configuration file takes the server from there too.
std::string ServerWords(const DriverProfile& profile, ServerAddress server,
                        const Encryption& encryption) {
  if (profile.has_configuration_file && encryption.verified) {
    return fmt::format("Servername={}", kConfiguredServer);
  }
  if (DialsLoopback(profile, server, encryption)) server.host = "127.0.0.1";
  return fmt::format("Server={}", server.DriverText());
}

// The certificate of a server that is dialled by its address is still for the name.
std::string CertificateNameWords(const DriverProfile& profile, const ServerAddress& server,
                                 const Encryption& encryption,
                                 const std::vector<ExtraWord>& extra) {
  const std::string_view word = profile.certificate_name_word;
  const bool told = word.empty() || FindWord(extra, word) != nullptr;
  if (told || !DialsLoopback(profile, server, encryption)) return "";
  return fmt::format("{}={};", word, server.host);
}

std::string EncryptionWords(const DriverProfile& profile, const ConnectOptions& options,
                            const Encryption& encryption) {
  using Mode = Encryption::Mode;
  const std::string_view mode = encryption.mode == Mode::kStrict      ? profile.strict_words
                                : encryption.mode == Mode::kLoginOnly ? profile.login_only_words
                                                                      : profile.everything_words;
  return fmt::format("{}{}", mode,
                     options.trust_server_certificate ? profile.trust_words : profile.verify_words);
}

}  // namespace

std::span<const DriverProfile> Profiles() { return kProfiles; }

const DriverProfile* FindProfile(std::string_view name_or_path) {
  const size_t slash = name_or_path.rfind('/');
  const std::string_view file =
      slash == name_or_path.npos ? name_or_path : name_or_path.substr(slash + 1);
  const auto found =
      std::find_if(kProfiles.begin(), kProfiles.end(), [&](const DriverProfile& profile) {
        return name_or_path == profile.name || file.starts_with(profile.library_stem);
      });
  return found == kProfiles.end() ? nullptr : &*found;
}

bool DialsLoopback(const DriverProfile& profile, const ServerAddress& server,
                   const Encryption& encryption) {
  // No certificate is for an address in the eyes of a driver that cannot be told the name.
  const bool verifies_address = encryption.verified && profile.certificate_name_word.empty();
  return profile.localhost_is_own_name && server.IsLocalhost() && !verifies_address;
}

arrow::Result<std::string> ConnectionString(const DriverProfile& profile, std::string_view driver,
                                            const ConnectOptions& options,
                                            const Encryption& encryption) {
  ARROW_ASSIGN_OR_RAISE(const ServerAddress server, ServerAddress::Parse(options.host));
  ARROW_ASSIGN_OR_RAISE(const std::string user, Quote(profile, "user", options.user));
  ARROW_ASSIGN_OR_RAISE(const std::string password, Quote(profile, "password", options.password));
  ARROW_ASSIGN_OR_RAISE(const std::string database,
                        Quote(profile, "database name", options.database));
  ARROW_ASSIGN_OR_RAISE(const std::string app,
                        Quote(profile, "application name", options.app_name));
  ARROW_ASSIGN_OR_RAISE(const std::vector<ExtraWord> extra,
                        ParseExtraWords(profile, options.odbc_options));
  if (options.multi_subnet_failover && !profile.has_multi_subnet_failover) {
    return arrow::Status::Invalid("the driver ", profile.name,
                                  " cannot multi_subnet_failover; Microsoft's can");
  }
  std::string words = fmt::format(
      "Driver={};{};UID={};PWD={};Database={};",
      driver.find('/') != driver.npos ? std::string(driver) : fmt::format("{{{}}}", driver),
      ServerWords(profile, server, encryption), user, password, database);
  if (FindWord(extra, "APP") == nullptr) words += fmt::format("APP={};", app);
  if (FindWord(extra, "PacketSize") == nullptr) {
    words += fmt::format("PacketSize={};", options.packet_size_bytes);
  }
  words += EncryptionWords(profile, options, encryption);
  words += CertificateNameWords(profile, server, encryption, extra);
  words += profile.other_words;
  if (options.read_only_intent) words += "ApplicationIntent=ReadOnly;";
  if (options.multi_subnet_failover) words += "MultiSubnetFailover=yes;";
  return words + options.odbc_options;
}

}  // namespace cdc::odbc

#include "odbc/driver_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "odbc/server_address.h"

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

constexpr std::array<DriverProfile, 3> kProfiles = {{
    {.name = "ODBC Driver 18 for SQL Server",
     .library_stem = "libmsodbcsql-18",
     .package = "msodbcsql18 (from Microsoft's package repository)",
     .encryption_words = "Encrypt=no;",
     .other_words = kMicrosoftWords,
     .doubles_closing_brace = true,
     .broken_native_from = 1,
     .broken_native_to = 0},
    {.name = "ODBC Driver 17 for SQL Server",
     .library_stem = "libmsodbcsql-17",
     .package = "msodbcsql17 (from Microsoft's package repository)",
     .encryption_words = "Encrypt=no;",
     .other_words = kMicrosoftWords,
     .doubles_closing_brace = true,
     .broken_native_from = 1,
     .broken_native_to = 0},
    {.name = "FreeTDS",
     .library_stem = "libtdsodbc",
     .package = "tdsodbc",
     // TLS for the login where the server has it.
     .encryption_words = "Encryption=request;",
     .other_words = kFreeTdsWords,
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

arrow::Result<std::string> ConnectionString(const DriverProfile& profile, std::string_view driver,
                                            const ConnectOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const ServerAddress server, ServerAddress::Parse(options.host));
  ARROW_ASSIGN_OR_RAISE(const std::string user, Quote(profile, "user", options.user));
  ARROW_ASSIGN_OR_RAISE(const std::string password, Quote(profile, "password", options.password));
  ARROW_ASSIGN_OR_RAISE(const std::string database,
                        Quote(profile, "database name", options.database));
  ARROW_ASSIGN_OR_RAISE(const std::string app,
                        Quote(profile, "application name", options.app_name));
  const bool is_path = driver.find('/') != driver.npos;
  return fmt::format("Driver={};Server={};UID={};PWD={};Database={};APP={};PacketSize={};{}{}",
                     is_path ? std::string(driver) : fmt::format("{{{}}}", driver),
                     server.DriverText(), user, password, database, app, options.packet_size_bytes,
                     profile.encryption_words, profile.other_words);
}

}  // namespace cdc::odbc

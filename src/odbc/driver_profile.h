#pragma once

#include <arrow/result.h>

#include <span>
#include <string>
#include <string_view>

#include "odbc/connection.h"
#include "odbc/server_address.h"

namespace cdc::odbc {

struct Encryption;

// Everything in which one driver differs from another for us. Facts measured with FreeTDS 1.3.17
// and Microsoft's 18.6.2; 17 has the words of 18 (Microsoft's list of major version differences).
struct DriverProfile {
  std::string_view name;          // as it registers itself
  std::string_view library_stem;  // its file name begins so
  std::string_view package;       // what an operator installs

  // Words of the connection string, each ended by ';'.
  std::string_view login_only_words;  // TLS for the login where the server has it, else clear
  std::string_view everything_words;
  std::string_view strict_words;  // empty: cannot
  std::string_view trust_words;   // empty: does not verify unless a configuration file says so
  std::string_view verify_words;
  std::string_view other_words;
  // Whether `auto` can demand a verified certificate without naming the authorities.
  bool verifies_by_default;
  // FreeTDS has no word for authorities; only its configuration file has (tls_environment.h).
  bool has_configuration_file;
  bool has_multi_subnet_failover;
  // Microsoft's driver looks localhost up as the machine's own name (measured: where /etc/hosts has
  // that name at 127.0.1.1 it dials there, and where no hosts file and no DNS has it, nowhere).
  bool localhost_is_own_name;
  // What it calls the name that the certificate should be for, if not the host's; empty: it cannot
  // be told.
  std::string_view certificate_name_word;
  // What odbc_options may hold, for a driver that passes over words that it does not know; empty:
  // the driver says so itself.
  std::span<const std::string_view> known_words;
  // FreeTDS does not unescape "}}"; a value must not hold "};" there.
  bool doubles_closing_brace;

  // Native numbers that the driver itself uses for a broken connection; none if from > to.
  int broken_native_from;
  int broken_native_to;
};

// Best first: the order in which `auto` chooses.
std::span<const DriverProfile> Profiles();
// The profile of a registered name or a library's path; nullptr if it is neither driver.
const DriverProfile* FindProfile(std::string_view name_or_path);

// Whether the driver is told 127.0.0.1 for localhost, so that it reaches what everybody else
// reaches under that name.
bool DialsLoopback(const DriverProfile& profile, const ServerAddress& server,
                   const Encryption& encryption);

// The text for SQLDriverConnect, password included: never to be shown.
// `driver` is a registered name or a path.
arrow::Result<std::string> ConnectionString(const DriverProfile& profile, std::string_view driver,
                                            const ConnectOptions& options,
                                            const Encryption& encryption);

}  // namespace cdc::odbc

#pragma once

#include <arrow/result.h>

#include <span>
#include <string>
#include <string_view>

#include "odbc/connection.h"

namespace cdc::odbc {

// Everything in which one driver differs from another for us. Facts measured with FreeTDS 1.3.17
// and Microsoft's 18.6.2; 17 has the words of 18 (Microsoft's list of major version differences).
struct DriverProfile {
  std::string_view name;          // as it registers itself
  std::string_view library_stem;  // its file name begins so
  std::string_view package;       // what an operator installs

  // Words of the connection string, each ended by ';'.
  std::string_view encryption_words;
  std::string_view other_words;
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

// The text for SQLDriverConnect, password included: never to be shown.
// `driver` is a registered name or a path.
arrow::Result<std::string> ConnectionString(const DriverProfile& profile, std::string_view driver,
                                            const ConnectOptions& options);

}  // namespace cdc::odbc

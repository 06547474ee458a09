#pragma once

#include <arrow/result.h>

#include <string>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"

namespace cdc::odbc {

// What a driver is told to do about encryption. Never less than what the options ask.
struct Encryption {
  enum class Mode { kLoginOnly, kEverything, kStrict };
  Mode mode = Mode::kEverything;
  bool verified = true;
  // Whether a server that has no TLS may be talked to in clear.
  bool or_clear = false;

  ConnectionSecurity Security(const ConnectOptions& options) const;
};

// Invalid: the driver cannot do it, with the one that can; or the options contradict each other.
arrow::Result<Encryption> DecideEncryption(const DriverProfile& profile,
                                           const ConnectOptions& options);

// "the authorities in /etc/ca.pem", "the system's authorities".
std::string AuthoritiesText(const ConnectOptions& options);

}  // namespace cdc::odbc

#pragma once

#include <arrow/status.h>

#include <string>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"
#include "odbc/encryption.h"
#include "odbc/server_address.h"

namespace cdc::odbc {

// The server's name in FreeTDS's configuration file.
inline constexpr char kConfiguredServer[] = "cdc-to-s3";

// What FreeTDS reads when it verifies; `authorities` is a path, or "system".
std::string FreeTdsConfiguration(const ServerAddress& server, const std::string& authorities);

// Tells a driver which authorities count, before it connects. Neither driver has a word for that in
// its connection string (measured): Microsoft's takes OpenSSL's environment, FreeTDS a
// configuration file that the environment names; both look at every connection. The environment is
// the process's own, and is changed only when it is not yet as wanted, so in a program whose
// options are always the same it is changed by the first connection alone. An error says what is
// wrong with the file of authorities.
arrow::Status PrepareEnvironment(const DriverProfile& profile, const ConnectOptions& options,
                                 const Encryption& encryption, const ServerAddress& server);

}  // namespace cdc::odbc

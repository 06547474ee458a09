#pragma once

#include <arrow/status.h>

#include <optional>
#include <vector>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"
#include "odbc/encryption.h"
#include "odbc/server_tls.h"

namespace cdc::odbc {

// Whether the reason may be TLS; then it is worth looking at what the server shows (server_tls.h).
bool MayBeTls(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile,
              const Encryption& encryption);

// Why a connection could not be opened, in words that name the remedy. Never holds the password,
// even if a driver repeats it. A server that cannot be reached is kConnectionLost: connecting anew
// may work. `seen`: what the server showed of its TLS, if it was looked at.
arrow::Status LoginError(std::vector<Diagnostic> diagnostics, const ConnectOptions& options,
                         const DriverProfile& profile, const Encryption& encryption,
                         const std::optional<ServerTls>& seen);

}  // namespace cdc::odbc

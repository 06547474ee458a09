#pragma once

#include <optional>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"
#include "odbc/encryption.h"
#include "odbc/server_tls.h"

namespace cdc::odbc {

// What of TLS failed, what was not verified, and which settings help; "" when TLS was not the
// reason. `seen` says it best; without it the driver's words must do.
std::string TlsErrorText(const std::vector<Diagnostic>& diagnostics, const ConnectOptions& options,
                         const DriverProfile& profile, const Encryption& encryption,
                         const std::optional<ServerTls>& seen);

}  // namespace cdc::odbc

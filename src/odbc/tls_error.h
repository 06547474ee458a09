#pragma once

#include <optional>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"
#include "odbc/encryption.h"
#include "odbc/server_tls.h"

namespace cdc::odbc {

// What of TLS failed, what was not verified, and which settings help.
struct TlsFinding {
  std::string text;       // "": TLS was not the reason
  bool may_pass = false;  // the server went in the middle of it, as one that restarts does
};

// `seen` says it best; without it the driver's words must do.
TlsFinding ExplainTls(const std::vector<Diagnostic>& diagnostics, const ConnectOptions& options,
                      const DriverProfile& profile, const Encryption& encryption,
                      const std::optional<ServerTls>& seen);

}  // namespace cdc::odbc

#pragma once

#include <arrow/status.h>

#include <vector>

#include "odbc/connection.h"
#include "odbc/driver_profile.h"

namespace cdc::odbc {

// Why a connection could not be opened, in words that name the remedy. Never holds the password,
// even if a driver repeats it. A server that cannot be reached is kConnectionLost: connecting anew
// may work.
arrow::Status LoginError(std::vector<Diagnostic> diagnostics, const ConnectOptions& options,
                         const DriverProfile& profile);

}  // namespace cdc::odbc

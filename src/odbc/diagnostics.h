#pragma once

#include <sql.h>

#include <string>
#include <string_view>
#include <vector>

#include "odbc/connection.h"

namespace cdc::odbc {

struct DriverProfile;

// The diagnostic records of a handle, the drivers' own prefixes ("[FreeTDS][SQL Server]") removed.
std::vector<Diagnostic> ReadDiagnostics(SQLSMALLINT handle_type, SQLHANDLE handle);

// Whether a return of SQL_SUCCESS_WITH_INFO is explained by these records and by nothing bad: at
// least one, all of class 01, none that tells of a broken connection.
bool OnlyHarmless(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile);

// `connection_dead`: what the driver says of the connection after the failure.
// When the statement may be tried again.
Retry Classify(const std::vector<Diagnostic>& diagnostics, const DriverProfile& profile,
               bool connection_dead);

// The record that says most: SQL Server's own error if there is one, else the first.
const Diagnostic* Principal(const std::vector<Diagnostic>& diagnostics,
                            const DriverProfile& profile);

// "<doing>: <message> (SQL Server error 208, SQLSTATE 42S02)", with the records in it.
arrow::Status MakeError(std::string_view doing, const std::vector<Diagnostic>& diagnostics,
                        Retry retry, const DriverProfile& profile);
// An error whose text is our own; the records go with it. One that only a new connection mends
// reaches all that goes over this one.
arrow::Status MakeErrorWithText(std::string text, const std::vector<Diagnostic>& diagnostics,
                                Retry retry, int native);
// "42S02 208: Invalid object name", one after the other.
std::string RecordsText(const std::vector<Diagnostic>& diagnostics);
bool IsTransientNative(int native);
// The same error, now known to have taken the connection with it.
arrow::Status AsConnectionLost(const arrow::Status& status);

}  // namespace cdc::odbc

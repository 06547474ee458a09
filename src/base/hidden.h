#pragma once

#include <string>
#include <string_view>

// Settings into which people paste more than belongs there, shown without what may be a secret.
namespace cdc {

// "APP=etl;ClientKey=***": words of an ODBC connection string; the values of those that are known
// to be harmless stay.
std::string HideOdbcValues(std::string_view words);

// "https://***@host/path?***"
std::string HideInUrl(std::string_view url);
// Whether HideInUrl would hide something.
bool HoldsSecret(std::string_view url);

// The name of a host or a driver, cut where a connection string goes on behind it: "db1;***".
std::string HideBehindName(std::string_view name);

}  // namespace cdc

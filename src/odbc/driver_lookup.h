#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "odbc/driver_profile.h"

namespace cdc::odbc {

struct ChosenDriver {
  std::string name_or_path;  // what the connection string names
  const DriverProfile* profile = nullptr;
};

// A driver that unixODBC's odbcinst.ini lists.
struct RegisteredDriver {
  std::string name;
  std::string library;  // as registered; may be a bare file name
};

// `wanted` is auto, a registered name (with or without {}), or the path of a driver library.
// `unregistered` are driver libraries that were found without being registered.
// Pure; ChooseInstalledDriver asks the machine.
arrow::Result<ChosenDriver> ChooseDriver(std::string_view wanted,
                                         const std::vector<RegisteredDriver>& registered,
                                         const std::vector<std::string>& unregistered);

arrow::Result<ChosenDriver> ChooseInstalledDriver(std::string_view wanted);

}  // namespace cdc::odbc

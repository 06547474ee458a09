#include "odbc/driver_lookup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "odbc/handles.h"

namespace cdc::odbc {
namespace {

std::string_view WithoutBraces(std::string_view name) {
  if (name.size() >= 2 && name.starts_with('{') && name.ends_with('}')) {
    return name.substr(1, name.size() - 2);
  }
  return name;
}

std::string InstalledText(const std::vector<RegisteredDriver>& registered,
                          const std::vector<std::string>& unregistered) {
  std::vector<std::string> names;
  names.reserve(registered.size() + unregistered.size());
  for (const RegisteredDriver& driver : registered) names.push_back(driver.name);
  names.insert(names.end(), unregistered.begin(), unregistered.end());
  return names.empty() ? "no ODBC driver is installed"
                       : fmt::format("installed: {}", fmt::join(names, ", "));
}

const DriverProfile* ProfileOf(const RegisteredDriver& driver) {
  const DriverProfile* by_name = FindProfile(driver.name);
  return by_name != nullptr ? by_name : FindProfile(driver.library);
}

// The first driver with this profile: registered ones first, since an operator may have configured
// them.
ChosenDriver FindInstalled(const DriverProfile& profile,
                           const std::vector<RegisteredDriver>& registered,
                           const std::vector<std::string>& unregistered) {
  for (const RegisteredDriver& driver : registered) {
    if (ProfileOf(driver) == &profile) return {driver.name, &profile};
  }
  for (const std::string& library : unregistered) {
    if (FindProfile(library) == &profile) return {library, &profile};
  }
  return {};
}

arrow::Result<ChosenDriver> ChooseLibrary(std::string_view path) {
  const DriverProfile* profile = FindProfile(path);
  if (profile == nullptr) {
    return arrow::Status::Invalid(
        "ODBC driver ", path,
        ": neither FreeTDS (libtdsodbc…) nor Microsoft's (libmsodbcsql-17…, -18…)");
  }
  if (!std::filesystem::exists(path)) {
    return arrow::Status::Invalid("ODBC driver ", path, ": no such file; install ",
                                  profile->package, " or name another driver");
  }
  return ChosenDriver{std::string(path), profile};
}

// Libraries of FreeTDS in the places where distributions put them; Debian's package registers
// itself, but a container image may lack odbcinst.ini.
std::vector<std::string> FindUnregisteredFreeTds() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib", ignored)) {
    const std::filesystem::path library = entry.path() / "odbc/libtdsodbc.so";
    if (std::filesystem::exists(library, ignored)) found.push_back(library);
  }
  for (const char* library : {"/usr/lib64/libtdsodbc.so.0", "/usr/lib64/libtdsodbc.so",
                              "/usr/lib/libtdsodbc.so", "/usr/local/lib/libtdsodbc.so"}) {
    if (std::filesystem::exists(library, ignored)) found.emplace_back(library);
  }
  return found;
}

}  // namespace

arrow::Result<ChosenDriver> ChooseDriver(std::string_view wanted,
                                         const std::vector<RegisteredDriver>& registered,
                                         const std::vector<std::string>& unregistered) {
  const std::string_view name = WithoutBraces(wanted);
  if (name.find('/') != name.npos) return ChooseLibrary(name);
  if (name.empty() || name == "auto") {
    for (const DriverProfile& profile : Profiles()) {
      ChosenDriver chosen = FindInstalled(profile, registered, unregistered);
      if (chosen.profile != nullptr) return chosen;
    }
    return arrow::Status::Invalid(
        "no ODBC driver for SQL Server was found (", InstalledText(registered, unregistered),
        "); install the package tdsodbc (FreeTDS) or Microsoft's msodbcsql18");
  }
  for (const RegisteredDriver& driver : registered) {
    if (driver.name != name) continue;
    if (ProfileOf(driver) != nullptr) return ChosenDriver{driver.name, ProfileOf(driver)};
    return arrow::Status::Invalid("ODBC driver '", name, "' (", driver.library,
                                  ") is neither FreeTDS nor Microsoft's for SQL Server");
  }
  const DriverProfile* profile = FindProfile(name);
  if (profile != nullptr) {
    ChosenDriver chosen = FindInstalled(*profile, {}, unregistered);
    if (chosen.profile != nullptr) return chosen;
  }
  const std::string remedy =
      profile != nullptr
          ? fmt::format("install the package {}, or set driver = \"auto\"", profile->package)
          : std::string("set driver = \"auto\" or one of these");
  return arrow::Status::Invalid("ODBC driver '", name, "' is not installed (",
                                InstalledText(registered, unregistered), "); ", remedy);
}

arrow::Result<ChosenDriver> ChooseInstalledDriver(std::string_view wanted) {
  ARROW_ASSIGN_OR_RAISE(const Environment environment, Environment::Make());
  return ChooseDriver(wanted, environment.RegisteredDrivers(), FindUnregisteredFreeTds());
}

}  // namespace cdc::odbc

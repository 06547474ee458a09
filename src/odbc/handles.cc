#include "odbc/handles.h"

#include <array>
#include <cstring>
#include <string_view>

namespace cdc::odbc {
namespace {

// Attributes come as "Key=value\0Key=value\0\0".
std::string AttributeOf(std::string_view attributes, std::string_view key) {
  while (!attributes.empty() && attributes.front() != '\0') {
    const std::string_view pair = attributes.substr(0, attributes.find('\0'));
    if (pair.starts_with(key) && pair.size() > key.size() && pair[key.size()] == '=') {
      return std::string(pair.substr(key.size() + 1));
    }
    attributes.remove_prefix(std::min(attributes.size(), pair.size() + 1));
  }
  return "";
}

}  // namespace

arrow::Result<Environment> Environment::Make() {
  Environment made;
  ARROW_ASSIGN_OR_RAISE(made.handle_, UniqueHandle<SQL_HANDLE_ENV>::Allocate(nullptr));
  // NOLINTNEXTLINE(performance-no-int-to-ptr): ODBC passes integers as pointers.
  SQLSetEnvAttr(made.get(), SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  return made;
}

std::vector<RegisteredDriver> Environment::RegisteredDrivers() const {
  std::vector<RegisteredDriver> drivers;
  std::array<SQLCHAR, 256> name{};
  std::array<SQLCHAR, 4096> attributes{};
  SQLUSMALLINT direction = SQL_FETCH_FIRST;
  SQLSMALLINT name_length = 0;
  SQLSMALLINT attributes_length = 0;
  // SUCCESS_WITH_INFO: attributes were cut; the name is what matters.
  while (SQL_SUCCEEDED(SQLDrivers(get(), direction, name.data(), name.size(), &name_length,
                                  attributes.data(), attributes.size(), &attributes_length))) {
    const auto used = std::min<size_t>(static_cast<size_t>(attributes_length), attributes.size());
    drivers.push_back(
        {reinterpret_cast<const char*>(name.data()),
         AttributeOf({reinterpret_cast<const char*>(attributes.data()), used}, "Driver")});
    direction = SQL_FETCH_NEXT;
  }
  return drivers;
}

}  // namespace cdc::odbc

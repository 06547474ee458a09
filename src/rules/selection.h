#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cdc::rules {

// Which captured tables are delivered: [source] tables and exclude. A pattern is matched against
// schema.table, one without a dot against the table's name alone, in any schema. `*` is any run of
// characters, `?` one; ASCII letters match in either case.
class TableSelection {
 public:
  // No `include`: all tables. `exclude` wins.
  static TableSelection Make(std::vector<std::string> include, std::vector<std::string> exclude);

  bool Selects(std::string_view schema, std::string_view table) const;

 private:
  std::vector<std::string> include_;
  std::vector<std::string> exclude_;
};

}  // namespace cdc::rules

#pragma once

#include <string>
#include <string_view>

namespace cdc::columns {

// A sql_variant as the server tells it (source/sql.cc asks): its base type with precision, scale
// and length in bytes, then the value: "decimal(9,2,5)-0.50", "nvarchar(0,0,100)text". Drivers
// print a variant's value each in their own way and hide its type, so neither is left to them.
//
// Values come as CONVERT gives them: float and real as the hex digits of the 8 bytes of a float
// ("float(53,0,8)0x3FB999999999999A"), binary ones in style 1, money in style 2, dates and times in
// style 121 with any number of digits. UTF-8.
struct VariantParts {
  std::string_view base;  // "decimal"; of a constant
  std::string type;       // as T-SQL writes it: "decimal(9,2)", "nvarchar(50)", "datetime2(3)"
  std::string value;      // exact: a float is the shortest text that reads back the same
};

// nullptr, or what is wrong: a text that is not exactly one of these forms is an error, never a
// guess. `parts` is reused between calls to spare allocations, and undefined after an error.
const char* ReadVariant(std::string_view text, VariantParts* parts);

}  // namespace cdc::columns

#pragma once

#include <string_view>

namespace cdc {

// `*` is any run of characters, `?` one; ASCII letters match in either case.
bool MatchesGlob(std::string_view pattern, std::string_view text);

// The same name, as patterns are matched: ASCII letters in either case.
bool SameName(std::string_view a, std::string_view b);

// A pattern over schema.table, or without a dot over the table's name alone, in any schema.
bool MatchesTable(std::string_view pattern, std::string_view schema, std::string_view table);

}  // namespace cdc

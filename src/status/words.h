#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

// Figures as people read them.
namespace cdc::status {

// "1,234,567/s", "12.5/s", "0/s"
std::string Rate(double per_second);
// "1 table", "2 tables": the plural by an s.
std::string Count(int64_t number, std::string_view noun);
// The part of a key behind its last '/'.
std::string_view LastPart(std::string_view key);

// The same, with U+FFFD for what is no UTF-8.
std::string WellFormed(std::string_view text);

// Text for HTML, attribute values included. What is no UTF-8, and control characters, become
// U+FFFD.
std::string EscapeHtml(std::string_view text);

// Columns that printable text takes on a terminal: 2 for wide East Asian characters and emoji, 0
// for combining marks.
size_t Columns(std::string_view text);
// Cut to at most `columns`, the last of them an ellipsis if something was cut.
std::string CutTo(std::string_view text, size_t columns);

}  // namespace cdc::status

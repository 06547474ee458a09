#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>

namespace cdc::config {

// Strict: overlong forms, surrogates and cut sequences are Invalid, with the byte's place.
arrow::Result<std::u32string> FromUtf8(std::string_view text);
std::string ToUtf8(std::u32string_view text);
// What Python's str.isspace() and \s take for white space.
bool IsUnicodeSpace(char32_t c);

}  // namespace cdc::config

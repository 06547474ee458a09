#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cdc::odbc {

// The most UTF-8 bytes that `units` UTF-16 code units can become.
constexpr size_t MaxUtf8Bytes(size_t units) { return units * 3; }

// Converts `units` UTF-16LE code units at `source` (any alignment) to UTF-8 at `target`, which has
// room for MaxUtf8Bytes(units). Returns the bytes written. NULs are kept. A lone surrogate becomes
// U+FFFD and adds one to `replaced`.
size_t Utf16LeToUtf8(const uint8_t* source, size_t units, char* target, int64_t* replaced);

// The UTF-8 bytes that Utf16LeToUtf8 would write.
size_t Utf8Bytes(const uint8_t* source, size_t units);
size_t UnitsOutsideAscii(const uint8_t* source, size_t units);

std::string ToUtf8(std::u16string_view text);
// Bytes that are no UTF-8 become U+FFFD each.
std::u16string ToUtf16(std::string_view text);

}  // namespace cdc::odbc

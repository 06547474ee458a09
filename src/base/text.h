#pragma once

#include <arrow/result.h>

#include <functional>
#include <string>
#include <string_view>

namespace cdc {

// Upper-case hex digits, two a byte.
std::string HexUpper(std::string_view bytes);
// Either case; an odd number of digits or another character is Invalid.
arrow::Result<std::string> FromHex(std::string_view digits);

// Replaces each byte for which `encode` says so, and '%' itself, by %XX.
std::string PercentEncode(std::string_view text, const std::function<bool(unsigned char)>& encode);
// A '%' that two hex digits do not follow is Invalid.
arrow::Result<std::string> PercentDecode(std::string_view text);

// A name of a database, schema or table as one path segment: '/', '%', control characters, and a
// leading
// '_' or '.' (which crawlers take for hidden) are percent-encoded; everything else stays.
std::string PathSegment(std::string_view name);

// As a string of TOML, for settings that a message tells people to write: "a\"b".
std::string TomlString(std::string_view text);

// As one word of a shell: in quotes where it would be more, or something else.
std::string ShellWord(std::string_view text);

// 1234567 -> "1,234,567"
std::string WithThousands(int64_t number);
// 1536 -> "1.5 KiB"
std::string HumanBytes(int64_t bytes);

}  // namespace cdc

#include "odbc/utf16.h"

#include <bit>
#include <cstring>

namespace cdc::odbc {
namespace {

static_assert(std::endian::native == std::endian::little,
              "UTF-16LE is read in the machine's order");

constexpr char32_t kReplacement = 0xFFFD;

uint16_t UnitAt(const uint8_t* source, size_t index) {
  uint16_t unit;
  std::memcpy(&unit, source + 2 * index, sizeof(unit));
  return unit;
}

// Four ASCII units at once: most text is ASCII, and this loop is where a reader of text spends its
// time. Returns the units converted.
size_t ConvertAsciiRun(const uint8_t* source, size_t units, char* target) {
  size_t done = 0;
  while (units - done >= 4) {
    uint64_t four;
    std::memcpy(&four, source + 2 * done, sizeof(four));
    if ((four & 0xFF80FF80FF80FF80) != 0) break;
    four = (four | (four >> 8)) & 0x0000FFFF0000FFFF;
    const auto packed = static_cast<uint32_t>(four | (four >> 16));
    std::memcpy(target + done, &packed, sizeof(packed));
    done += 4;
  }
  return done;
}

size_t PutUtf8(char32_t code_point, char* target) {
  if (code_point < 0x80) {
    target[0] = static_cast<char>(code_point);
    return 1;
  }
  const size_t bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  for (size_t i = bytes - 1; i > 0; --i) {
    target[i] = static_cast<char>(0x80 | (code_point & 0x3F));
    code_point >>= 6;
  }
  constexpr unsigned kLeads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  target[0] = static_cast<char>(kLeads[bytes] | code_point);
  return bytes;
}

bool IsHigh(char32_t unit) { return (unit & 0xFC00) == 0xD800; }
bool IsLow(char32_t unit) { return (unit & 0xFC00) == 0xDC00; }

// One code point of UTF-8 from `text` at `*at`, which moves on; U+FFFD for a byte that starts none.
char32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto lead = static_cast<unsigned char>(text[(*at)++]);
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xF0 && lead < 0xF5   ? 3
                      : lead >= 0xE0 && lead < 0xF0 ? 2
                      : lead >= 0xC2 && lead < 0xE0 ? 1
                                                    : 0;
  if (more == 0 || *at + more > text.size()) return kReplacement;
  char32_t code_point = lead & (0x3Fu >> more);
  for (size_t i = 0; i < more; ++i) {
    const auto next = static_cast<unsigned char>(text[*at + i]);
    if ((next & 0xC0) != 0x80) return kReplacement;
    code_point = (code_point << 6) | (next & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  if (code_point < kSmallest[more] || code_point > 0x10FFFF || (code_point & ~0x7FFu) == 0xD800) {
    return kReplacement;
  }
  *at += more;
  return code_point;
}

}  // namespace

size_t Utf16LeToUtf8(const uint8_t* source, size_t units, char* target, int64_t* replaced) {
  size_t read = 0;
  size_t written = 0;
  while (read < units) {
    const size_t run = ConvertAsciiRun(source + 2 * read, units - read, target + written);
    read += run;
    written += run;
    if (read == units) break;
    char32_t code_point = UnitAt(source, read++);
    if (IsHigh(code_point) && read < units && IsLow(UnitAt(source, read))) {
      code_point = 0x10000 + ((code_point & 0x3FF) << 10) + (UnitAt(source, read++) & 0x3FFu);
    } else if (IsHigh(code_point) || IsLow(code_point)) {
      code_point = kReplacement;
      ++*replaced;
    }
    written += PutUtf8(code_point, target + written);
  }
  return written;
}

size_t Utf8Bytes(const uint8_t* source, size_t units) {
  size_t bytes = 0;
  for (size_t i = 0; i < units; ++i) {
    const char32_t unit = UnitAt(source, i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (IsHigh(unit) && i + 1 < units && IsLow(UnitAt(source, i + 1))) {
      ++bytes;  // four for both
      ++i;
    }
  }
  return bytes;
}

size_t UnitsOutsideAscii(const uint8_t* source, size_t units) {
  size_t count = 0;
  for (size_t i = 0; i < units; ++i) count += UnitAt(source, i) >= 0x80 ? 1u : 0u;
  return count;
}

std::string ToUtf8(std::u16string_view text) {
  std::string result(MaxUtf8Bytes(text.size()), '\0');
  int64_t replaced = 0;
  result.resize(Utf16LeToUtf8(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                              result.data(), &replaced));
  return result;
}

std::u16string ToUtf16(std::string_view text) {
  std::u16string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t code_point = NextCodePoint(text, &at);
    if (code_point >= 0x10000) {
      result += static_cast<char16_t>(0xD800 + ((code_point - 0x10000) >> 10));
      result += static_cast<char16_t>(0xDC00 + ((code_point - 0x10000) & 0x3FF));
    } else {
      result += static_cast<char16_t>(code_point);
    }
  }
  return result;
}

}  // namespace cdc::odbc

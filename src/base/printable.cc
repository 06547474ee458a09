#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cdc {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Range {
  char32_t first, last;
};

// https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
constexpr std::array kSteering = {Range{0x00, 0x1F},     Range{0x7F, 0x9F},
                                  Range{0x61C, 0x61C},   Range{0x200E, 0x200F},
                                  Range{0x2028, 0x202E}, Range{0x2066, 0x206F}};

}  // namespace

char32_t NextCodePoint(std::string_view* text) {
  const auto first = static_cast<unsigned char>(text->front());
  const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  char32_t point = length == 1 ? first : first & (0x7Fu >> length);
  bool good = first < 0x80 || (first >= 0xC2 && first <= 0xF4);
  for (size_t i = 1; good && i < length; ++i) {
    const auto byte = i < text->size() ? static_cast<unsigned char>((*text)[i]) : 0u;
    good = (byte & 0xC0) == 0x80;
    point = (point << 6) | (byte & 0x3F);
  }
  good = good && point >= kLeast[length] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  text->remove_prefix(good ? length : 1);
  return good ? point : kReplacement;
}

void AppendUtf8(std::string* out, char32_t point) {
  const auto tail = [&](int shift) { *out += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xE0 | (point >> 12));
    tail(6), tail(0);
  } else {
    *out += static_cast<char>(0xF0 | (point >> 18));
    tail(12), tail(6), tail(0);
  }
}

bool SteersTerminal(char32_t point) {
  return std::ranges::any_of(
      kSteering, [point](const Range& one) { return point >= one.first && point <= one.last; });
}

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t point = NextCodePoint(&text);
    AppendUtf8(&out, SteersTerminal(point) ? kReplacement : point);
  }
  return out;
}

std::string EscapeInJson(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const char32_t point = NextCodePoint(&json);
    if (point >= 0x7F && SteersTerminal(point)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(point));
    } else {
      AppendUtf8(&out, point);
    }
  }
  return out;
}

}  // namespace cdc

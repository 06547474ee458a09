#include "status/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/printable.h"
#include "base/text.h"

namespace cdc::status {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

// After Unicode's EastAsianWidth, coarsely.
size_t Width(char32_t point) {
  struct Range {
    char32_t first, last;
  };
  constexpr std::array kNone = {Range{0x300, 0x36F}, Range{0x200B, 0x200F}, Range{0xFE00, 0xFE0F},
                                Range{0x20D0, 0x20FF}};
  constexpr std::array kWide = {
      Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
      Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
      Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF},
      Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
  const auto holds = [point](const Range& r) { return point >= r.first && point <= r.last; };
  if (std::ranges::any_of(kNone, holds)) return 0;
  return std::ranges::any_of(kWide, holds) ? 2 : 1;
}

}  // namespace

std::string Rate(double per_second) {
  if (per_second < 0.05) return "0/s";
  if (per_second < 99.95) return fmt::format("{:.1f}/s", per_second);
  return WithThousands(std::llround(per_second)) + "/s";
}

std::string Count(int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", WithThousands(number), noun, number == 1 ? "" : "s");
}

std::string_view LastPart(std::string_view key) {
  const size_t slash = key.rfind('/');
  return slash == std::string_view::npos ? key : key.substr(slash + 1);
}

std::string WellFormed(std::string_view text) {
  std::string out;
  while (!text.empty()) AppendUtf8(&out, NextCodePoint(&text));
  return out;
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t point = NextCodePoint(&text);
    switch (point) {
      case U'&':
        out += "&amp;";
        break;
      case U'<':
        out += "&lt;";
        break;
      case U'>':
        out += "&gt;";
        break;
      case U'"':
        out += "&quot;";
        break;
      case U'\'':
        out += "&#39;";
        break;
      default:
        AppendUtf8(&out, SteersTerminal(point) ? kReplacement : point);
    }
  }
  return out;
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) columns += Width(NextCodePoint(&text));
  return columns;
}

std::string CutTo(std::string_view text, size_t columns) {
  if (Columns(text) <= columns) return std::string(text);
  std::string out;
  size_t used = 1;  // the ellipsis
  while (!text.empty() && columns > 0) {
    const char32_t point = NextCodePoint(&text);
    used += Width(point);
    if (used > columns) break;
    AppendUtf8(&out, point);
  }
  return columns == 0 ? out : out + "…";
}

}  // namespace cdc::status

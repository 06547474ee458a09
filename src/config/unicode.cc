#include "config/unicode.h"

#include <algorithm>
#include <iterator>

namespace cdc::config {
namespace {

// The length that a lead byte announces, 0 for a byte that cannot lead.
int LengthOf(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

// The smallest code point that needs this many bytes.
constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};

}  // namespace

arrow::Result<std::u32string> FromUtf8(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const int length = LengthOf(lead);
    if (length == 0 || at + static_cast<size_t>(length) > text.size()) {
      return arrow::Status::Invalid("not UTF-8 at byte ", at);
    }
    char32_t c = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (int i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + static_cast<size_t>(i)]);
      if ((next & 0xC0) != 0x80) return arrow::Status::Invalid("not UTF-8 at byte ", at);
      c = (c << 6) | (next & 0x3FU);
    }
    if (c < kSmallest[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
      return arrow::Status::Invalid("not UTF-8 at byte ", at);
    }
    out += c;
    at += static_cast<size_t>(length);
  }
  return out;
}

std::string ToUtf8(std::u32string_view text) {
  std::string out;
  const auto tail = [&](char32_t c, int shift) {
    out += static_cast<char>(0x80 | ((c >> shift) & 0x3F));
  };
  for (const char32_t c : text) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6));
      tail(c, 0);
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12));
      tail(c, 6);
      tail(c, 0);
    } else {
      out += static_cast<char>(0xF0 | (c >> 18));
      tail(c, 12);
      tail(c, 6);
      tail(c, 0);
    }
  }
  return out;
}

bool IsUnicodeSpace(char32_t c) {
  constexpr char32_t kOthers[] = {0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  if ((c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F)) return true;
  if (c >= 0x2000 && c <= 0x200A) return true;
  return std::ranges::find(kOthers, c) != std::end(kOthers);
}

}  // namespace cdc::config

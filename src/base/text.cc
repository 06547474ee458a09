#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace cdc {

namespace {

constexpr char kDigits[] = "0123456789ABCDEF";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendPercent(std::string* out, unsigned char byte) {
  *out += '%';
  *out += kDigits[byte >> 4];
  *out += kDigits[byte & 15];
}

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7F; }

}  // namespace

std::string HexUpper(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

arrow::Result<std::string> FromHex(std::string_view digits) {
  if (digits.size() % 2 != 0) {
    return arrow::Status::Invalid("an odd number of hex digits: '", digits, "'");
  }
  std::string out;
  out.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = HexValue(digits[i]);
    const int low = HexValue(digits[i + 1]);
    if (high < 0 || low < 0) return arrow::Status::Invalid("not hex digits: '", digits, "'");
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string PercentEncode(std::string_view text, const std::function<bool(unsigned char)>& encode) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '%' || encode(byte)) {
      AppendPercent(&out, byte);
    } else {
      out += c;
    }
  }
  return out;
}

arrow::Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return arrow::Status::Invalid("a cut %XX in '", text, "'");
    ARROW_ASSIGN_OR_RAISE(const std::string byte, FromHex(text.substr(i + 1, 2)));
    out += byte;
    i += 2;
  }
  return out;
}

std::string PathSegment(std::string_view name) {
  std::string out = PercentEncode(name, [](unsigned char c) { return c == '/' || IsControl(c); });
  if (!out.empty() && (out[0] == '_' || out[0] == '.')) {
    std::string first;
    AppendPercent(&first, static_cast<unsigned char>(out[0]));
    out = first + out.substr(1);
  }
  return out;
}

std::string TomlString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsControl(byte)) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string ShellWord(std::string_view text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("%+,-./:=@_").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + '\'';
}

std::string WithThousands(int64_t number) {
  std::string digits = std::to_string(number);
  const int64_t first = number < 0 ? 1 : 0;
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string HumanBytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace cdc

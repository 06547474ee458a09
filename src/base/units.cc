#include "base/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace cdc {
namespace {

using arrow::Result;
using arrow::Status;

struct Unit {
  std::string_view name;
  int64_t value;
};

constexpr std::array<Unit, 5> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 9> kSizes = {{{"tib", int64_t{1} << 40},
                                         {"gib", 1 << 30},
                                         {"mib", 1 << 20},
                                         {"kib", 1 << 10},
                                         {"tb", 1'000'000'000'000},
                                         {"gb", 1'000'000'000},
                                         {"mb", 1'000'000},
                                         {"kb", 1'000},
                                         {"b", 1}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Takes leading digits; '_' only between two of them.
std::string TakeDigits(std::string_view* text) {
  std::string digits;
  while (!text->empty()) {
    const bool separator =
        text->front() == '_' && !digits.empty() && text->size() > 1 && IsDigit((*text)[1]);
    if (!IsDigit(text->front()) && !separator) break;
    if (!separator) digits += text->front();
    text->remove_prefix(1);
  }
  return digits;
}

std::string TakeLetters(std::string_view* text) {
  std::string letters;
  while (!text->empty() && std::isalpha(static_cast<unsigned char>(text->front())) != 0) {
    letters += static_cast<char>(std::tolower(static_cast<unsigned char>(text->front())));
    text->remove_prefix(1);
  }
  return letters;
}

template <size_t kCount>
const Unit* Find(const std::array<Unit, kCount>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

Result<int64_t> Number(const std::string& digits) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return Status::Invalid("not a number within 64 bits");
  }
  return number;
}

Result<int64_t> Times(const std::string& digits, int64_t unit) {
  ARROW_ASSIGN_OR_RAISE(const int64_t number, Number(digits));
  int64_t product = 0;
  if (__builtin_mul_overflow(number, unit, &product)) {
    return Status::Invalid("not a number within 64 bits");
  }
  return product;
}

Status NotADuration(std::string_view text) {
  return Status::Invalid("\"", text,
                         "\" is not a duration: write it like 500ms, 60s, 5m, 1h30m, 7d");
}

Status NotASize(std::string_view text) {
  return Status::Invalid("\"", text,
                         "\" is not a size: write it like 128MiB, 64KiB, 128MB, or as bytes");
}

}  // namespace

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const std::string_view whole = text;
  text = Trim(text);
  if (text.empty()) return NotADuration(whole);
  int64_t total = 0;
  const Unit* previous = nullptr;  // units stand in the table from large to small
  while (!text.empty()) {
    const std::string digits = TakeDigits(&text);
    text = Trim(text);
    const std::string letters = TakeLetters(&text);
    text = Trim(text);
    if (!digits.empty() && letters.empty() && text.empty() && previous == nullptr) {
      return Status::Invalid("\"", whole, "\" has no unit: write ", digits,
                             "s for seconds (ms, s, m, h, d)");
    }
    const Unit* unit = Find(kDurations, letters == "min" ? "m" : letters);
    if (unit == nullptr || (previous != nullptr && unit <= previous)) {
      return NotADuration(whole);
    }
    const auto part = Times(digits, unit->value);
    if (!part.ok() || __builtin_add_overflow(total, *part, &total)) return NotADuration(whole);
    previous = unit;
  }
  return std::chrono::milliseconds(total);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  int64_t rest = duration.count();
  std::string text;
  for (const Unit& unit : kDurations) {
    if (rest < unit.value) continue;
    text += fmt::format("{}{}", rest / unit.value, unit.name);
    rest %= unit.value;
  }
  return text.empty() ? "0s" : text;
}

std::string HumanDuration(std::chrono::duration<double> duration) {
  const double seconds = std::max(0.0, duration.count());
  if (seconds < 0.05) return "0 s";
  if (seconds < 1.95) return fmt::format("{} s", std::round(seconds * 10) / 10);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const auto two = [](int64_t large, const char* of, int64_t small, const char* rest) {
    if (small == 0) return fmt::format("{} {}", large, of);
    return fmt::format("{} {} {} {}", large, of, small, rest);
  };
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3'600) return two(whole / 60, "min", whole % 60, "s");
  if (whole < 86'400) return two(whole / 3'600, "h", whole % 3'600 / 60, "min");
  return two(whole / 86'400, "d", whole % 86'400 / 3'600, "h");
}

Result<int64_t> ParseSize(std::string_view text) {
  const std::string_view whole = text;
  text = Trim(text);
  const std::string digits = TakeDigits(&text);
  text = Trim(text);
  const std::string letters = TakeLetters(&text);
  const Unit* unit = Find(kSizes, letters.empty() ? "b" : letters);
  if (digits.empty() || unit == nullptr || !text.empty()) return NotASize(whole);
  const auto size = Times(digits, unit->value);
  return size.ok() ? size : NotASize(whole);
}

std::string FormatSize(int64_t bytes) {
  if (bytes > 0 && bytes % (1 << 30) == 0) return fmt::format("{}GiB", bytes >> 30);
  if (bytes > 0 && bytes % (1 << 20) == 0) return fmt::format("{}MiB", bytes >> 20);
  if (bytes > 0 && bytes % (1 << 10) == 0) return fmt::format("{}KiB", bytes >> 10);
  return std::to_string(bytes);
}

Result<int64_t> ParseInteger(std::string_view text) {
  std::string_view rest = Trim(text);
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  const std::string digits = TakeDigits(&rest);
  const auto number = Number((negative ? "-" : "") + digits);
  if (digits.empty() || !rest.empty() || !number.ok()) {
    return Status::Invalid("\"", text, "\" is not a whole number");
  }
  return number;
}

}  // namespace cdc

#include "base/utc_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <ctime>

namespace cdc {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

// Takes what it understands from the front of the text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits.
  bool Number(size_t digits, int* value) {
    if (rest_.size() < digits) return false;
    const char* end = rest_.data() + digits;
    const auto [at, error] = std::from_chars(rest_.data(), end, *value);
    if (error != std::errc{} || at != end || rest_.front() == '-') return false;
    rest_.remove_prefix(digits);
    return true;
  }
  // Digits behind a point, as microseconds; what is finer is cut.
  bool Fraction(int* micros) {
    size_t digits = 0;
    int value = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      if (digits < 6) value = value * 10 + (rest_[digits] - '0');
      ++digits;
    }
    for (size_t i = digits; i < 6; ++i) value *= 10;
    rest_.remove_prefix(digits);
    *micros = value;
    return digits > 0;
  }

 private:
  std::string_view rest_;
};

bool ScanDate(Scanner* scanner, std::chrono::sys_days* date) {
  int year = 0, month = 0, day = 0;
  if (!scanner->Number(4, &year) || !scanner->Take('-') || !scanner->Number(2, &month) ||
      !scanner->Take('-') || !scanner->Number(2, &day)) {
    return false;
  }
  const std::chrono::year_month_day parts{std::chrono::year(year),
                                          std::chrono::month(static_cast<unsigned>(month)),
                                          std::chrono::day(static_cast<unsigned>(day))};
  *date = std::chrono::sys_days(parts);
  return parts.ok();
}

bool ScanTime(Scanner* scanner, microseconds* time) {
  int hour = 0, minute = 0, second = 0, micros = 0;
  if (!scanner->Number(2, &hour) || !scanner->Take(':') || !scanner->Number(2, &minute)) {
    return false;
  }
  if (scanner->Take(':')) {
    if (!scanner->Number(2, &second)) return false;
    if (scanner->Take('.') && !scanner->Fraction(&micros)) return false;
  }
  *time = std::chrono::hours(hour) + minutes(minute) + std::chrono::seconds(second) +
          microseconds(micros);
  return hour < 24 && minute < 60 && second < 60;
}

// Z, or the offset from UTC.
bool ScanZone(Scanner* scanner, minutes* offset) {
  if (scanner->Take('Z') || scanner->Take('z')) return true;
  const bool west = scanner->Take('-');
  if (!west && !scanner->Take('+')) return false;
  int hour = 0, minute = 0;
  if (!scanner->Number(2, &hour)) return false;
  scanner->Take(':');
  if (!scanner->Number(2, &minute) || hour > 14 || minute > 59) return false;
  *offset = std::chrono::hours(hour) + minutes(minute);
  if (west) *offset = -*offset;
  return true;
}

}  // namespace

arrow::Result<UtcTime> ParseUtc(std::string_view text) {
  const auto refuse = [&] {
    return arrow::Status::Invalid("\"", text, "\" is not a time like 2025-01-09T14:30:15Z");
  };
  Scanner scanner(text);
  std::chrono::sys_days date;
  if (!ScanDate(&scanner, &date)) return refuse();
  if (scanner.done()) return UtcTime(date);
  if (!scanner.Take('T') && !scanner.Take(' ')) return refuse();
  microseconds time{0};
  if (!ScanTime(&scanner, &time)) return refuse();
  if (scanner.done()) {
    return arrow::Status::Invalid("\"", text, "\" does not say in which time zone: write ", text,
                                  "Z for UTC, or an offset like +02:00");
  }
  minutes offset{0};
  if (!ScanZone(&scanner, &offset) || !scanner.done()) return refuse();
  return UtcTime(date) + time - offset;
}

std::string FormatUtc(UtcTime time) {
  // Not by way of system_clock, whose nanoseconds hold 1677 to 2262 only.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time_t{seconds.count()}));
}

}  // namespace cdc

#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>

namespace cdc::columns {

// ODBC's SQL_DATE_STRUCT and SQL_TIMESTAMP_STRUCT as they lie in memory (unixODBC's sqltypes.h).
struct DateStruct {
  int16_t year;
  uint16_t month;
  uint16_t day;
};
static_assert(sizeof(DateStruct) == 6);

struct TimestampStruct {
  int16_t year;
  uint16_t month;
  uint16_t day;
  uint16_t hour;
  uint16_t minute;
  uint16_t second;
  uint32_t nanoseconds;
};
static_assert(sizeof(TimestampStruct) == 16);

// What both drivers give for time(n) and datetimeoffset(n) as SQL_C_BINARY (measured);
// SQL_SS_TIME2_STRUCT and SQL_SS_TIMESTAMPOFFSET_STRUCT of Microsoft's msodbcsql.h. The offset's
// parts have the same sign.
struct TimeStruct {
  uint16_t hour;
  uint16_t minute;
  uint16_t second;
  uint16_t padding;
  uint32_t nanoseconds;
};
static_assert(sizeof(TimeStruct) == 12);

struct TimestampOffsetStruct {
  TimestampStruct local;
  int16_t offset_hours;
  int16_t offset_minutes;
};
static_assert(sizeof(TimestampOffsetStruct) == 20);

template <typename Struct>
Struct ReadStruct(const uint8_t* cell) {
  Struct value;
  std::memcpy(&value, cell, sizeof(value));
  return value;
}

// Nanoseconds that the last digit of a fraction of `scale` digits stands for.
constexpr uint32_t NanosecondsOfLastDigit(int scale) {
  uint32_t unit = 1'000'000'000;
  for (int i = 0; i < scale; ++i) unit /= 10;
  return unit;
}

// Days since 1970-01-01; nullopt for a date that SQL Server cannot have (years are 1 to 9999).
inline std::optional<int32_t> DaysOf(int year, unsigned month, unsigned day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (year < 1 || year > 9999 || !date.ok()) return std::nullopt;
  return static_cast<int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

// Whether these are the parts of a time of day whose fraction has no more digits than `unit`
// allows.
inline bool IsTimeOfDay(unsigned hour, unsigned minute, unsigned second, uint32_t nanoseconds,
                        uint32_t unit) {
  return hour < 24 && minute < 60 && second < 60 && nanoseconds < 1'000'000'000 &&
         (nanoseconds == 0 || nanoseconds % unit == 0);
}

inline constexpr int kOffsetMinutesMax = 14 * 60;  // of a time zone; SQL Server's limit

inline constexpr int64_t kSecondsADay = 86'400;
// 0001-01-01T00:00:00 and 10000-01-01T00:00:00.
inline constexpr int64_t kSecondsFirst = -719'162 * kSecondsADay;
inline constexpr int64_t kSecondsEnd = 2'932'897 * kSecondsADay;

// Whole seconds since 1970-01-01T00:00:00 of the same clock (the fraction is at.nanoseconds);
// nullopt for an impossible value. `unit`: of the fraction's last digit.
inline std::optional<int64_t> SecondsOf(const TimestampStruct& at, uint32_t unit) {
  const std::optional<int32_t> days = DaysOf(at.year, at.month, at.day);
  if (!days.has_value() || !IsTimeOfDay(at.hour, at.minute, at.second, at.nanoseconds, unit)) {
    return std::nullopt;
  }
  return *days * kSecondsADay + (at.hour * 60 + at.minute) * 60 + at.second;
}

}  // namespace cdc::columns

#pragma once

#include <cstdint>

#include "columns/civil_time.h"

namespace cdc::columns {

// Dates and times as SQL Server writes them in style 121. Each returns the end of what it wrote.

inline constexpr int64_t kDateTextBytes = 10;         // "YYYY-MM-DD"
inline constexpr int64_t kTimeTextBytesMax = 16;      // "hh:mm:ss.fffffff"
inline constexpr int64_t kDatetimeTextBytesMax = 27;  // both, with a blank
inline constexpr int64_t kOffsetTextBytes = 7;        // " +hh:mm"

inline char* PutDigits(unsigned value, int digits, char* target) {
  for (int i = digits - 1; i >= 0; --i, value /= 10)
    target[i] = static_cast<char>('0' + value % 10);
  return target + digits;
}

inline char* PutDate(unsigned year, unsigned month, unsigned day, char* target) {
  target = PutDigits(year, 4, target);
  *target++ = '-';
  target = PutDigits(month, 2, target);
  *target++ = '-';
  return PutDigits(day, 2, target);
}

// Exactly `scale` digits of a fraction, of which the last stands for `unit` nanoseconds.
inline char* PutTime(unsigned hour, unsigned minute, unsigned second, uint32_t nanoseconds,
                     int scale, uint32_t unit, char* target) {
  target = PutDigits(hour, 2, target);
  *target++ = ':';
  target = PutDigits(minute, 2, target);
  *target++ = ':';
  target = PutDigits(second, 2, target);
  if (scale == 0) return target;
  *target++ = '.';
  return PutDigits(nanoseconds / unit, scale, target);
}

inline char* PutOffset(int minutes, char* target) {
  *target++ = ' ';
  *target++ = minutes < 0 ? '-' : '+';
  const auto ahead = static_cast<unsigned>(minutes < 0 ? -minutes : minutes);
  target = PutDigits(ahead / 60, 2, target);
  *target++ = ':';
  return PutDigits(ahead % 60, 2, target);
}

}  // namespace cdc::columns

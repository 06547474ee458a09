#pragma once

#include <algorithm>
#include <cstdint>

#include "columns/column.h"

namespace cdc::columns {

// How long a value of a column is in SQL Server (DATALENGTH), as its bound form tells. Binary and
// n-types are bound as they are; xml counts the two bytes of each UTF-16 unit of its text. Text of
// a code page is bound as UTF-16, so its length is worked out: exactly for code pages of one byte a
// character and for UTF-8; in those of Chinese, Japanese and Korean a character outside ASCII
// counts two bytes (the few that have one there, half-width katakana among them, count too much).
// A sql_variant and a vector are bound as text, which is many times as long as they are; with at
// most 8,016 bytes in the server they are never too long.
class ValueLength {
 public:
  explicit ValueLength(const SourceColumn& column);

  // The longest bound form of a value of `bytes`, without a terminator.
  int64_t BoundMax(int64_t bytes) const {
    return std::max(measure_ == Measure::kAsBound ? bytes : 2 * bytes, bound_min_);
  }
  // The value bound as `length` bytes at `cell`.
  int64_t Of(const uint8_t* cell, int64_t length) const;
  // The least that a value with a bound form of `length` bytes has; exactly that if is_exact.
  int64_t AtLeast(int64_t length) const {
    return measure_ == Measure::kAsBound ? length : length / 2;
  }
  bool is_exact() const { return measure_ == Measure::kAsBound || measure_ == Measure::kUnits; }

 private:
  enum class Measure { kAsBound, kUnits, kUtf8, kDoubleByte };

  Measure measure_ = Measure::kAsBound;
  int64_t bound_min_ = 0;  // what BoundMax is at least
};

}  // namespace cdc::columns

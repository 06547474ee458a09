#pragma once

#include <arrow/builder.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "columns/bytes_codecs.h"
#include "columns/civil_time.h"
#include "columns/number_codecs.h"
#include "columns/time_text.h"

namespace cdc::columns {

class DateCodec : public BuilderCodec<arrow::Date32Builder> {
 public:
  static constexpr int64_t kBytes = sizeof(DateStruct);
  const char* Append(const uint8_t* cell, int64_t) {
    const auto date = ReadStruct<DateStruct>(cell);
    const std::optional<int32_t> days = DaysOf(date.year, date.month, date.day);
    if (!days.has_value()) return "an impossible date";
    builder_->UnsafeAppend(*days);
    return nullptr;
  }
};

// Units of a second that Parquet's timestamps count in.
inline constexpr int64_t kMillis = 1'000;
inline constexpr int64_t kMicros = 1'000'000;
inline constexpr int64_t kNanos = 1'000'000'000;

// So many seconds and nanoseconds in units: finer digits are cut (towards the past). False where
// 64 bits do not hold it, which only nanoseconds can come to.
template <int64_t kUnits>
bool InUnits(int64_t seconds, uint32_t nanoseconds, int64_t* value) {
  const auto fraction = static_cast<int64_t>(nanoseconds) / (kNanos / kUnits);
  if constexpr (kUnits != kNanos) {
    *value = seconds * kUnits + fraction;
    return true;
  } else {
    const bool before = seconds < 0;  // count from the second's end: its begin may not be held
    return !__builtin_mul_overflow(seconds + (before ? 1 : 0), kUnits, value) &&
           !__builtin_add_overflow(*value, fraction - (before ? kUnits : 0), value);
  }
}

template <int64_t kUnits>
bool LosesDigits(uint32_t nanoseconds) {
  return nanoseconds % static_cast<uint32_t>(kNanos / kUnits) != 0;
}

inline constexpr char kImpossibleDatetime[] = "an impossible date or time";
inline constexpr char kOutsideNanos[] =
    "a time outside 1677-09-21 to 2262-04-11, which nanoseconds cannot hold: set datetime2 = "
    "\"string\"";

// datetime, smalldatetime, datetime2: the same clock; what the unit cannot hold is counted.
template <int64_t kUnits>
class TimestampCodec : public BuilderCodec<arrow::TimestampBuilder> {
 public:
  static constexpr int64_t kBytes = sizeof(TimestampStruct);
  TimestampCodec(const std::shared_ptr<arrow::DataType>& type, int scale)
      : BuilderCodec(std::make_shared<arrow::TimestampBuilder>(type, arrow::default_memory_pool())),
        unit_(NanosecondsOfLastDigit(scale)) {}

  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimestampStruct>(cell);
    const std::optional<int64_t> seconds = SecondsOf(at, unit_);
    if (!seconds.has_value()) return kImpossibleDatetime;
    int64_t value = 0;
    if (!InUnits<kUnits>(*seconds, at.nanoseconds, &value)) return kOutsideNanos;
    builder_->UnsafeAppend(value);
    altered_ += LosesDigits<kUnits>(at.nanoseconds) ? 1 : 0;
    return nullptr;
  }
  int64_t altered() const { return altered_; }

 private:
  uint32_t unit_;
  int64_t altered_ = 0;
};

// A datetimeoffset's instant, and how many minutes the local clock was ahead.
struct Instant {
  TimestampStruct local;
  int64_t utc_seconds = 0;
  int minutes = 0;
};

// nullptr, or what is wrong.
inline const char* ReadInstant(const uint8_t* cell, uint32_t unit, Instant* instant) {
  const auto at = ReadStruct<TimestampOffsetStruct>(cell);
  const std::optional<int64_t> local = SecondsOf(at.local, unit);
  if (!local.has_value()) return kImpossibleDatetime;
  const int minutes = at.offset_hours * 60 + at.offset_minutes;
  if (std::abs(minutes) > kOffsetMinutesMax || std::abs(at.offset_minutes) > 59 ||
      at.offset_hours * at.offset_minutes < 0) {
    return "an impossible time zone offset";
  }
  const int64_t utc = *local - int64_t{minutes} * 60;
  if (utc < kSecondsFirst || utc >= kSecondsEnd) return "an instant outside the years 1 to 9999";
  *instant = {at.local, utc, minutes};
  return nullptr;
}

// datetimeoffset: the instant in UTC and, if wanted, the offset.
template <int64_t kUnits, bool kWithOffset>
class TimestampOffsetCodec {
 public:
  static constexpr int64_t kBytes = sizeof(TimestampOffsetStruct);
  TimestampOffsetCodec(const std::shared_ptr<arrow::DataType>& type, int scale)
      : instants_(std::make_shared<arrow::TimestampBuilder>(type, arrow::default_memory_pool())),
        offsets_(std::make_shared<arrow::Int16Builder>()),
        unit_(NanosecondsOfLastDigit(scale)) {}

  arrow::Status Reserve(int64_t values, int64_t) {
    ARROW_RETURN_NOT_OK(instants_->Reserve(values));
    return offsets_->Reserve(values);
  }
  void AppendNull() {
    instants_->UnsafeAppendNull();
    if constexpr (kWithOffset) offsets_->UnsafeAppendNull();
  }
  const char* Append(const uint8_t* cell, int64_t) {
    Instant at;
    if (const char* wrong = ReadInstant(cell, unit_, &at); wrong != nullptr) return wrong;
    int64_t value = 0;
    if (!InUnits<kUnits>(at.utc_seconds, at.local.nanoseconds, &value)) return kOutsideNanos;
    instants_->UnsafeAppend(value);
    if constexpr (kWithOffset) offsets_->UnsafeAppend(static_cast<int16_t>(at.minutes));
    altered_ += LosesDigits<kUnits>(at.local.nanoseconds) ? 1 : 0;
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector&, arrow::ArrayVector* out) {
    out->resize(kWithOffset ? 2 : 1);
    if constexpr (kWithOffset) ARROW_RETURN_NOT_OK(offsets_->Finish(&(*out)[1]));
    return instants_->Finish(&(*out)[0]);
  }
  int64_t altered() const { return altered_; }

 private:
  std::shared_ptr<arrow::TimestampBuilder> instants_;
  std::shared_ptr<arrow::Int16Builder> offsets_;
  uint32_t unit_;
  int64_t altered_ = 0;
};

// time(n) in microseconds since midnight; the 7th digit is cut and counted.
class TimeMicrosCodec : public BuilderCodec<arrow::Time64Builder> {
 public:
  static constexpr int64_t kBytes = sizeof(TimeStruct);
  TimeMicrosCodec(const std::shared_ptr<arrow::DataType>& type, int scale)
      : BuilderCodec(std::make_shared<arrow::Time64Builder>(type, arrow::default_memory_pool())),
        unit_(NanosecondsOfLastDigit(scale)) {}

  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimeStruct>(cell);
    if (!IsTimeOfDay(at.hour, at.minute, at.second, at.nanoseconds, unit_)) {
      return "an impossible time";
    }
    const int64_t seconds = (at.hour * 60 + at.minute) * 60 + at.second;
    builder_->UnsafeAppend(seconds * kMicros + at.nanoseconds / 1000);
    altered_ += LosesDigits<kMicros>(at.nanoseconds) ? 1 : 0;
    return nullptr;
  }
  int64_t altered() const { return altered_; }

 private:
  uint32_t unit_;
  int64_t altered_ = 0;
};

// Shared by codecs that write dates and times as text, with exactly the digits of the scale.
template <int64_t kCellBytes, int64_t kTextBytesMax>
class TimeTextCodec : public BytesBuilderCodec {
 public:
  static constexpr int64_t kBytes = kCellBytes;
  explicit TimeTextCodec(int scale) : scale_(scale), unit_(NanosecondsOfLastDigit(scale)) {}
  arrow::Status Reserve(int64_t values, int64_t) {
    return builder_.Reserve(values, values * kTextBytesMax);
  }

 protected:
  char* PutTimestamp(const TimestampStruct& at, char* target) const {
    target = PutDate(static_cast<unsigned>(at.year), at.month, at.day, target);
    *target++ = ' ';
    return PutTime(at.hour, at.minute, at.second, at.nanoseconds, scale_, unit_, target);
  }

  int scale_;
  uint32_t unit_;
};

// "hh:mm:ss.fffffff"
class TimeCodec : public TimeTextCodec<sizeof(TimeStruct), kTimeTextBytesMax> {
 public:
  using TimeTextCodec::TimeTextCodec;
  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimeStruct>(cell);
    if (!IsTimeOfDay(at.hour, at.minute, at.second, at.nanoseconds, unit_)) {
      return "an impossible time";
    }
    char* text = builder_.target();
    builder_.Commit(PutTime(at.hour, at.minute, at.second, at.nanoseconds, scale_, unit_, text) -
                    text);
    return nullptr;
  }
};

// "YYYY-MM-DD hh:mm:ss.fffffff"
class TimestampTextCodec : public TimeTextCodec<sizeof(TimestampStruct), kDatetimeTextBytesMax> {
 public:
  using TimeTextCodec::TimeTextCodec;
  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimestampStruct>(cell);
    if (!SecondsOf(at, unit_).has_value()) return kImpossibleDatetime;
    char* text = builder_.target();
    builder_.Commit(PutTimestamp(at, text) - text);
    return nullptr;
  }
};

// "YYYY-MM-DD hh:mm:ss.fffffff +hh:mm", the local clock and its offset.
class TimestampOffsetTextCodec : public TimeTextCodec<sizeof(TimestampOffsetStruct),
                                                      kDatetimeTextBytesMax + kOffsetTextBytes> {
 public:
  using TimeTextCodec::TimeTextCodec;
  const char* Append(const uint8_t* cell, int64_t) {
    Instant at;
    if (const char* wrong = ReadInstant(cell, unit_, &at); wrong != nullptr) return wrong;
    char* text = builder_.target();
    builder_.Commit(PutOffset(at.minutes, PutTimestamp(at.local, text)) - text);
    return nullptr;
  }
};

}  // namespace cdc::columns

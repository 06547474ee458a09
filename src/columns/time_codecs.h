#pragma once

#include <arrow/builder.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "columns/bytes_builder.h"
#include "columns/civil_time.h"
#include "columns/number_codecs.h"

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

// datetime, smalldatetime, datetime2: the same clock's microseconds; what they cannot hold is
// counted.
class TimestampCodec : public BuilderCodec<arrow::TimestampBuilder> {
 public:
  static constexpr int64_t kBytes = sizeof(TimestampStruct);
  TimestampCodec(const std::shared_ptr<arrow::DataType>& type, int scale)
      : BuilderCodec(std::make_shared<arrow::TimestampBuilder>(type, arrow::default_memory_pool())),
        unit_(NanosecondsOfLastDigit(scale)) {}

  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimestampStruct>(cell);
    const std::optional<int64_t> micros = MicrosOf(at, unit_);
    if (!micros.has_value()) return "an impossible date or time";
    builder_->UnsafeAppend(*micros);
    altered_ += at.nanoseconds % 1000 != 0 ? 1 : 0;
    return nullptr;
  }
  int64_t altered() const { return altered_; }

 private:
  uint32_t unit_;
  int64_t altered_ = 0;
};

// datetimeoffset: the instant in UTC, and how many minutes the local clock was ahead.
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
    offsets_->UnsafeAppendNull();
  }
  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimestampOffsetStruct>(cell);
    const std::optional<int64_t> local = MicrosOf(at.local, unit_);
    if (!local.has_value()) return "an impossible date or time";
    const int minutes = at.offset_hours * 60 + at.offset_minutes;
    if (std::abs(minutes) > kOffsetMinutesMax || std::abs(at.offset_minutes) > 59 ||
        at.offset_hours * at.offset_minutes < 0) {
      return "an impossible time zone offset";
    }
    const int64_t utc = *local - minutes * int64_t{60'000'000};
    if (utc < kMicrosFirst || utc >= kMicrosEnd) return "an instant outside the years 1 to 9999";
    instants_->UnsafeAppend(utc);
    offsets_->UnsafeAppend(static_cast<int16_t>(minutes));
    altered_ += at.local.nanoseconds % 1000 != 0 ? 1 : 0;
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector&, arrow::ArrayVector* out) {
    out->resize(2);
    ARROW_RETURN_NOT_OK(instants_->Finish(&(*out)[0]));
    return offsets_->Finish(&(*out)[1]);
  }
  int64_t altered() const { return altered_; }

 private:
  std::shared_ptr<arrow::TimestampBuilder> instants_;
  std::shared_ptr<arrow::Int16Builder> offsets_;
  uint32_t unit_;
  int64_t altered_ = 0;
};

// time(n) as text, "hh:mm:ss" and exactly n digits of a fraction.
class TimeCodec {
 public:
  static constexpr int64_t kBytes = sizeof(TimeStruct);
  explicit TimeCodec(int scale) : scale_(scale), unit_(NanosecondsOfLastDigit(scale)) {}

  arrow::Status Reserve(int64_t values, int64_t) {
    return builder_.Reserve(values, values * kTextBytesMax);
  }
  void AppendNull() { builder_.AppendNull(); }
  const char* Append(const uint8_t* cell, int64_t) {
    const auto at = ReadStruct<TimeStruct>(cell);
    if (!IsTimeOfDay(at.hour, at.minute, at.second, at.nanoseconds, unit_))
      return "an impossible time";
    char* text = builder_.target();
    PutTwoDigits(at.hour, text);
    text[2] = text[5] = ':';
    PutTwoDigits(at.minute, text + 3);
    PutTwoDigits(at.second, text + 6);
    if (scale_ > 0) text[8] = '.';
    uint32_t fraction = at.nanoseconds / unit_;
    for (int i = scale_; i > 0; --i, fraction /= 10)
      text[8 + i] = static_cast<char>('0' + fraction % 10);
    builder_.Commit(scale_ > 0 ? 9 + scale_ : 8);
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector& fields, arrow::ArrayVector* out) {
    ARROW_ASSIGN_OR_RAISE(auto array, builder_.Finish(fields[0]->type()));
    out->push_back(std::move(array));
    return arrow::Status::OK();
  }
  int64_t altered() const { return 0; }

 private:
  static constexpr int64_t kTextBytesMax = 16;  // "hh:mm:ss.fffffff"
  static void PutTwoDigits(unsigned value, char* target) {
    target[0] = static_cast<char>('0' + value / 10);
    target[1] = static_cast<char>('0' + value % 10);
  }

  BytesBuilder builder_;
  int scale_;
  uint32_t unit_;
};

}  // namespace cdc::columns

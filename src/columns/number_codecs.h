#pragma once

#include <arrow/builder.h>
#include <arrow/util/decimal.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "columns/civil_time.h"

namespace cdc::columns {

// Shared by codecs whose values go into one of Arrow's own builders.
template <typename Builder>
class BuilderCodec {
 public:
  explicit BuilderCodec(std::shared_ptr<Builder> builder) : builder_(std::move(builder)) {}
  BuilderCodec() : BuilderCodec(std::make_shared<Builder>()) {}

  arrow::Status Reserve(int64_t values, int64_t) { return builder_->Reserve(values); }
  void AppendNull() { builder_->UnsafeAppendNull(); }
  arrow::Status Finish(const arrow::FieldVector&, arrow::ArrayVector* out) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> array, builder_->Finish());
    out->push_back(std::move(array));
    return arrow::Status::OK();
  }
  int64_t altered() const { return 0; }

 protected:
  std::shared_ptr<Builder> builder_;  // builders cannot be moved
};

// Integers and floats, taken bit by bit. A tinyint (uint8_t) widens into an int16.
template <typename Source, typename Builder>
class NumberCodec : public BuilderCodec<Builder> {
 public:
  static constexpr int64_t kBytes = sizeof(Source);
  const char* Append(const uint8_t* cell, int64_t) {
    Source value;
    std::memcpy(&value, cell, sizeof(value));
    this->builder_->UnsafeAppend(value);
    return nullptr;
  }
};

class BitCodec : public BuilderCodec<arrow::BooleanBuilder> {
 public:
  static constexpr int64_t kBytes = 1;
  const char* Append(const uint8_t* cell, int64_t) {
    if (*cell > 1) return "a bit that is neither 0 nor 1";
    builder_->UnsafeAppend(*cell == 1);
    return nullptr;
  }
};

// __$operation: 1 delete, 2 insert, 3 and 4 update before and after.
class OperationCodec : public BuilderCodec<arrow::Int32Builder> {
 public:
  static constexpr int64_t kBytes = 4;
  const char* Append(const uint8_t* cell, int64_t) {
    int32_t operation;
    std::memcpy(&operation, cell, sizeof(operation));
    if (operation < 1 || operation > 4) return "an operation that is not 1 to 4";
    builder_->UnsafeAppend(operation);
    return nullptr;
  }
};

class DecimalBuilderCodec : public BuilderCodec<arrow::Decimal128Builder> {
 public:
  DecimalBuilderCodec(int32_t precision, int32_t scale)
      : BuilderCodec(
            std::make_shared<arrow::Decimal128Builder>(arrow::decimal128(precision, scale))),
        precision_(precision),
        scale_(scale) {}

 protected:
  int32_t precision_;
  int32_t scale_;
};

// SQL_NUMERIC_STRUCT: precision, scale, sign (1 is +), 16 bytes of magnitude, lowest first.
class DecimalCodec : public DecimalBuilderCodec {
 public:
  using DecimalBuilderCodec::DecimalBuilderCodec;
  static constexpr int64_t kBytes = 19;
  const char* Append(const uint8_t* cell, int64_t) {
    if (static_cast<int8_t>(cell[1]) != scale_) return "a value of another scale";
    if (cell[2] > 1) return "a sign that is neither 0 nor 1";
    uint64_t low;
    int64_t high;
    std::memcpy(&low, cell + 3, sizeof(low));
    std::memcpy(&high, cell + 11, sizeof(high));
    arrow::Decimal128 value(high, low);
    if (high < 0 || !value.FitsInPrecision(precision_)) return "a value with too many digits";
    if (cell[2] == 0) value.Negate();
    builder_->UnsafeAppend(value);
    return nullptr;
  }
};

// money: ten-thousandths as int64, the higher half first; smallmoney: as int32.
class MoneyCodec : public DecimalBuilderCodec {
 public:
  MoneyCodec() : DecimalBuilderCodec(19, 4) {}
  static constexpr int64_t kBytes = 8;
  const char* Append(const uint8_t* cell, int64_t) {
    int32_t high;
    uint32_t low;
    std::memcpy(&high, cell, sizeof(high));
    std::memcpy(&low, cell + 4, sizeof(low));
    builder_->UnsafeAppend(
        arrow::Decimal128(static_cast<int64_t>(high) * (int64_t{1} << 32) + low));
    return nullptr;
  }
};

class SmallMoneyCodec : public DecimalBuilderCodec {
 public:
  SmallMoneyCodec() : DecimalBuilderCodec(10, 4) {}
  static constexpr int64_t kBytes = 4;
  const char* Append(const uint8_t* cell, int64_t) {
    int32_t value;
    std::memcpy(&value, cell, sizeof(value));
    builder_->UnsafeAppend(arrow::Decimal128(value));
    return nullptr;
  }
};

}  // namespace cdc::columns

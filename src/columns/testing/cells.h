#pragma once

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns/column.h"

// What the tests of decoders share: cells as a driver leaves them, and the way through a decoder.

namespace cdc::columns::testing {

// Cells of one column as a driver leaves them: each in a slot, the rest of the slot garbage.
class Cells {
 public:
  explicit Cells(int64_t slot_bytes) : slot_bytes_(slot_bytes) {}
  Cells& Add(std::string_view bytes) {
    const size_t start = data_.size();
    data_.resize(start + static_cast<size_t>(slot_bytes_), '\xA5');
    std::memcpy(data_.data() + start, bytes.data(),
                std::min(bytes.size(), static_cast<size_t>(slot_bytes_)));
    lengths_.push_back(static_cast<int64_t>(bytes.size()));
    return *this;
  }
  Cells& Null() {
    Add("");
    lengths_.back() = odbc::kNull;
    return *this;
  }
  Cells& OfLength(int64_t length) {
    Add("");
    lengths_.back() = length;
    return *this;
  }
  odbc::ColumnSlice slice() const {
    return {reinterpret_cast<const uint8_t*>(data_.data()), slot_bytes_, lengths_.data()};
  }
  int64_t rows() const { return static_cast<int64_t>(lengths_.size()); }

 private:
  int64_t slot_bytes_;
  std::string data_;
  std::vector<int64_t> lengths_;
};

template <typename... Ts>
std::string Bytes(const Ts&... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}
inline std::string Utf16(std::u16string_view text) {
  return {reinterpret_cast<const char*>(text.data()), text.size() * 2};
}

inline SourceColumn Column(std::string type, int32_t length = 0, int32_t precision = 0,
                           int32_t scale = 0) {
  SourceColumn column;
  column.name = "Price";
  column.type_name = std::move(type);
  column.max_length_bytes = length;
  column.precision = precision;
  column.scale = scale;
  column.column_id = 7;
  return column;
}

inline std::unique_ptr<ColumnDecoder> Decoder(const SourceColumn& column) {
  auto decoder = ColumnDecoder::Make(column);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.MoveValueUnsafe();
}

// All rows through a decoder; its arrays must agree with its fields.
inline arrow::Result<arrow::ArrayVector> Decode(ColumnDecoder* decoder, const Cells& cells) {
  ARROW_RETURN_NOT_OK(decoder->Append(cells.slice(), 0, cells.rows()));
  arrow::ArrayVector arrays;
  ARROW_RETURN_NOT_OK(decoder->Finish(&arrays));
  EXPECT_EQ(arrays.size(), decoder->fields().size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_TRUE(arrays[i]->ValidateFull().ok()) << arrays[i]->ValidateFull();
    EXPECT_TRUE(arrays[i]->type()->Equals(decoder->fields()[i]->type()));
    EXPECT_EQ(arrays[i]->length(), cells.rows());
  }
  return arrays;
}
inline arrow::Result<arrow::ArrayVector> Decode(const SourceColumn& column, const Cells& cells) {
  return Decode(Decoder(column).get(), cells);
}
template <typename ArrayType>
std::shared_ptr<ArrayType> DecodeOne(const SourceColumn& column, const Cells& cells) {
  return std::static_pointer_cast<ArrayType>(Decode(column, cells).ValueOrDie()[0]);
}
inline void ExpectRefused(const SourceColumn& column, const std::string& cell,
                          const std::string& why) {
  auto decoder = Decoder(column);
  const Cells cells = Cells(decoder->binding().slot_bytes).Add(cell);
  const arrow::Status status = decoder->Append(cells.slice(), 0, 1);
  EXPECT_THAT(status.message(), ::testing::HasSubstr(why));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("Price " + column.TypeText()));
}

inline std::string Timestamp(int year, int month, int day, int hour, int minute, int second,
                             uint32_t nanoseconds) {
  const auto u16 = [](int value) { return static_cast<uint16_t>(value); };
  return Bytes(static_cast<int16_t>(year), u16(month), u16(day), u16(hour), u16(minute),
               u16(second), nanoseconds);
}
inline std::string TimestampOffset(const std::string& timestamp, int hours, int minutes) {
  return timestamp + Bytes(static_cast<int16_t>(hours), static_cast<int16_t>(minutes));
}
inline std::string Time(int hour, int minute, int second, uint32_t nanoseconds) {
  const auto u16 = [](int value) { return static_cast<uint16_t>(value); };
  return Bytes(u16(hour), u16(minute), u16(second), uint16_t{0xBEEF}, nanoseconds);
}

}  // namespace cdc::columns::testing

#pragma once

#include <arrow/result.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "columns/column.h"

namespace cdc::columns {

// What a decoder says of itself: built from a row of the type table.
struct DecoderShape {
  std::string column_text;  // "Price decimal(19,4)", for errors
  arrow::FieldVector fields;
  odbc::ColumnBinding binding;
  bool grows = false;
};

// A ColumnDecoder around one codec, which knows one SQL type:
//   static constexpr int64_t kBytes   the length that every value has, or 0
//   Status Reserve(int64_t values, int64_t bytes)   bytes: of all cells, or what NeededBytes says
//   static int64_t NeededBytes(const uint8_t* cell, int64_t length)   if a value takes another room
//   const char* Append(const uint8_t* cell, int64_t length)   nullptr, or what is wrong with the
//   value void AppendNull() Status Finish(const FieldVector&, ArrayVector*) int64_t altered() const
// The codec is a member, not an interface: its calls are inlined into the loop over cells.
template <typename Codec>
class CodecDecoder : public ColumnDecoder {
 public:
  CodecDecoder(DecoderShape shape, Codec codec)
      : shape_(std::move(shape)), codec_(std::move(codec)) {}

  const arrow::FieldVector& fields() const override { return shape_.fields; }
  odbc::ColumnBinding binding() const override { return shape_.binding; }
  bool grows() const override { return shape_.grows; }
  int64_t altered_values() const override { return codec_.altered(); }
  int64_t failed_row() const override { return failed_row_; }

  arrow::Status Append(const odbc::ColumnSlice& cells, int64_t first_row, int64_t rows) override {
    failed_row_ = -1;
    const int64_t longest =
        cells.slot_bytes - (shape_.binding.c_type == odbc::CType::kWideChar ? 2 : 0);
    const int64_t* lengths = cells.lengths + first_row;
    ARROW_RETURN_NOT_OK(CheckLengths(lengths, rows, longest));
    const int64_t bytes = BytesToReserve(cells, first_row, rows);
    if (arrow::Status status = codec_.Reserve(rows, bytes); !status.ok()) {
      return status.WithMessage("column ", shape_.column_text, ": ", status.message());
    }
    const uint8_t* cell = cells.data + first_row * cells.slot_bytes;
    for (int64_t i = 0; i < rows; ++i, cell += cells.slot_bytes) {
      if (lengths[i] == odbc::kNull) {
        codec_.AppendNull();
      } else if (const char* wrong = codec_.Append(cell, lengths[i]); wrong != nullptr) {
        failed_row_ = i;
        return Wrong(wrong);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status Finish(arrow::ArrayVector* out) override {
    out->clear();
    return codec_.Finish(shape_.fields, out);
  }

 private:
  static int64_t BytesToReserve(const odbc::ColumnSlice& cells, int64_t first_row, int64_t rows) {
    int64_t bytes = 0;
    for (int64_t row = first_row; row < first_row + rows; ++row) {
      const int64_t length = cells.lengths[row];
      if (length <= 0) continue;
      if constexpr (requires { &Codec::NeededBytes; }) {
        bytes += Codec::NeededBytes(cells.data + row * cells.slot_bytes, length);
      } else {
        bytes += length;
      }
    }
    return bytes;
  }
  arrow::Status CheckLengths(const int64_t* lengths, int64_t rows, int64_t longest) {
    const bool nullable = shape_.fields[0]->nullable();
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t length = lengths[i];
      const bool right = length == odbc::kNull ? nullable
                         : Codec::kBytes > 0   ? length == Codec::kBytes
                                               : length >= 0 && length <= longest;
      if (!right) {
        failed_row_ = i;
        return WrongLength(length, longest);
      }
    }
    return arrow::Status::OK();
  }
  arrow::Status WrongLength(int64_t length, int64_t longest) const {
    if (length == odbc::kNull) return Wrong("NULL, which it cannot have");
    if (length == odbc::kNoTotal) {
      return Wrong(fmt::format("a value that is longer than its slot of {} bytes", longest));
    }
    if (Codec::kBytes == 0 && length > longest) {
      return Wrong(
          fmt::format("a value of {} bytes, cut to its slot of {} bytes", length, longest));
    }
    return Wrong(Codec::kBytes > 0
                     ? fmt::format("a value of {} bytes instead of {}", length, Codec::kBytes)
                     : fmt::format("a value of {} bytes", length));
  }
  arrow::Status Wrong(const std::string& what) const {
    return arrow::Status::Invalid("column ", shape_.column_text, " holds ", what);
  }

  DecoderShape shape_;
  Codec codec_;
  int64_t failed_row_ = -1;
};

template <typename Codec>
std::unique_ptr<ColumnDecoder> MakeDecoder(DecoderShape shape, Codec codec) {
  return std::make_unique<CodecDecoder<Codec>>(std::move(shape), std::move(codec));
}

}  // namespace cdc::columns

#pragma once

#include <arrow/builder.h>
#include <arrow/extension_type.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "columns/bytes_builder.h"
#include "columns/number_codecs.h"
#include "odbc/utf16.h"

namespace cdc::columns {

inline int64_t PutHex(const uint8_t* bytes, int64_t size, char* target) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (int64_t i = 0; i < size; ++i) {
    *target++ = kDigits[bytes[i] >> 4];
    *target++ = kDigits[bytes[i] & 0xF];
  }
  return 2 * size;
}

// Shared by codecs whose values go into a BytesBuilder.
class BytesBuilderCodec {
 public:
  static constexpr int64_t kBytes = 0;
  arrow::Status Reserve(int64_t values, int64_t bytes) { return builder_.Reserve(values, bytes); }
  void AppendNull() { builder_.AppendNull(); }
  arrow::Status Finish(const arrow::FieldVector& fields, arrow::ArrayVector* out) {
    ARROW_ASSIGN_OR_RAISE(auto array, builder_.Finish(fields[0]->type()));
    out->push_back(std::move(array));
    return arrow::Status::OK();
  }
  int64_t altered() const { return 0; }

 protected:
  BytesBuilder builder_;
};

class BinaryCodec : public BytesBuilderCodec {
 public:
  const char* Append(const uint8_t* cell, int64_t length) {
    builder_.Append(cell, length);
    return nullptr;
  }
};

// UTF-16LE to UTF-8. Trailing blanks and NULs stay; lone surrogates become U+FFFD, and their value
// counts as altered.
class TextCodec : public BytesBuilderCodec {
 public:
  // A long value is measured: the most that it could be is three times what most text is.
  static int64_t NeededBytes(const uint8_t* cell, int64_t length) {
    const auto units = static_cast<size_t>(length / 2);
    return static_cast<int64_t>(length < kMeasuredBytesMin ? odbc::MaxUtf8Bytes(units)
                                                           : odbc::Utf8Bytes(cell, units));
  }
  const char* Append(const uint8_t* cell, int64_t length) {
    if (length % 2 != 0) return "text with half a UTF-16 unit";
    int64_t replaced = 0;
    const size_t bytes =
        odbc::Utf16LeToUtf8(cell, static_cast<size_t>(length / 2), builder_.target(), &replaced);
    builder_.Commit(static_cast<int64_t>(bytes));
    altered_ += replaced > 0 ? 1 : 0;
    return nullptr;
  }
  int64_t altered() const { return altered_; }

 private:
  static constexpr int64_t kMeasuredBytesMin = 64 << 10;
  int64_t altered_ = 0;
};

// Bytes as hex digits, upper case, without a prefix.
class HexCodec : public BytesBuilderCodec {
 public:
  arrow::Status Reserve(int64_t values, int64_t bytes) {
    return builder_.Reserve(values, 2 * bytes);
  }
  const char* Append(const uint8_t* cell, int64_t length) {
    builder_.Commit(PutHex(cell, length, builder_.target()));
    return nullptr;
  }
};

// A GUID as SQL Server writes it: upper case, the first three groups with their lowest byte first.
class UniqueIdentifierCodec : public BytesBuilderCodec {
 public:
  static constexpr int64_t kBytes = 16;
  arrow::Status Reserve(int64_t values, int64_t) {
    return builder_.Reserve(values, values * kTextBytes);
  }
  const char* Append(const uint8_t* cell, int64_t) {
    constexpr int kOrder[] = {3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15};
    char* text = builder_.target();
    for (const int at : kOrder) {
      if (at < 0) {
        *text++ = '-';
      } else {
        text += PutHex(cell + at, 1, text);
      }
    }
    builder_.Commit(kTextBytes);
    return nullptr;
  }

 private:
  static constexpr int64_t kTextBytes = 36;
};

// The same as 16 bytes in the order of the text, as UUIDs are everywhere else.
class UuidCodec : public BuilderCodec<arrow::FixedSizeBinaryBuilder> {
 public:
  static constexpr int64_t kBytes = 16;
  UuidCodec()
      : BuilderCodec(
            std::make_shared<arrow::FixedSizeBinaryBuilder>(arrow::fixed_size_binary(kBytes))) {}
  const char* Append(const uint8_t* cell, int64_t) {
    uint8_t bytes[kBytes] = {cell[3], cell[2], cell[1], cell[0],
                             cell[5], cell[4], cell[7], cell[6]};
    std::memcpy(bytes + 8, cell + 8, 8);
    builder_->UnsafeAppend(bytes);
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector& fields, arrow::ArrayVector* out) {
    ARROW_RETURN_NOT_OK(BuilderCodec::Finish(fields, out));
    out->back() = arrow::ExtensionType::WrapArray(fields[0]->type(), out->back());
    return arrow::Status::OK();
  }
};

// An LSN as 20 hex digits, as the server's own tools write it.
class LsnHexCodec : public HexCodec {
 public:
  static constexpr int64_t kBytes = 10;
};

// The same as its 10 bytes.
class LsnBytesCodec : public BinaryCodec {
 public:
  static constexpr int64_t kBytes = 10;
};

}  // namespace cdc::columns

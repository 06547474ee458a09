#pragma once

#include <arrow/array/data.h>
#include <arrow/buffer_builder.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <cstdint>
#include <memory>

namespace cdc::columns {

// Builds a STRING or BINARY array. Unlike Arrow's builders it lets a value be written in place, so
// that text is converted straight into the array.
class BytesBuilder {
 public:
  // Room for so many more values and bytes; afterwards the calls below do not check.
  arrow::Status Reserve(int64_t values, int64_t bytes) {
    if (data_.length() + bytes > kBytesMax) {
      return arrow::Status::CapacityError("more than 2 GiB of values in one array");
    }
    ARROW_RETURN_NOT_OK(offsets_.Reserve(values + 1));
    ARROW_RETURN_NOT_OK(valid_.Reserve(values));
    return data_.Reserve(bytes);
  }
  // Where the next value is to be written, then how long it became.
  char* target() { return reinterpret_cast<char*>(data_.mutable_data() + data_.length()); }
  void Commit(int64_t bytes) {
    offsets_.UnsafeAppend(static_cast<int32_t>(data_.length()));
    valid_.UnsafeAppend(true);
    data_.UnsafeAdvance(bytes);
  }
  void Append(const uint8_t* bytes, int64_t size) {
    offsets_.UnsafeAppend(static_cast<int32_t>(data_.length()));
    valid_.UnsafeAppend(true);
    data_.UnsafeAppend(bytes, size);
  }
  void AppendNull() {
    offsets_.UnsafeAppend(static_cast<int32_t>(data_.length()));
    valid_.UnsafeAppend(false);
  }
  arrow::Result<std::shared_ptr<arrow::Array>> Finish(const std::shared_ptr<arrow::DataType>& type);

 private:
  static constexpr int64_t kBytesMax = INT32_MAX - 1;

  arrow::TypedBufferBuilder<int32_t> offsets_;
  arrow::TypedBufferBuilder<bool> valid_;
  arrow::BufferBuilder data_;
};

}  // namespace cdc::columns

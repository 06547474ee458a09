#include "parquet/row_chunks.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/extension_type.h>
#include <arrow/type_traits.h>
#include <arrow/util/logging.h>

#include <algorithm>

namespace cdc::pq {
namespace {

using arrow::RecordBatch;
using arrow::Status;

template <typename ArrayType>
int64_t LengthOf(const arrow::Array& array, int64_t first, int64_t count) {
  const auto& values = static_cast<const ArrayType&>(array);
  return values.value_offset(first + count) - values.value_offset(first);
}

int64_t ValueBytes(const arrow::Array& array, int64_t first, int64_t count) {
  if (array.type_id() == arrow::Type::EXTENSION) {
    return ValueBytes(*static_cast<const arrow::ExtensionArray&>(array).storage(), first, count);
  }
  if (arrow::is_binary_like(array.type_id())) {
    return LengthOf<arrow::BinaryArray>(array, first, count);
  }
  if (arrow::is_large_binary_like(array.type_id())) {
    return LengthOf<arrow::LargeBinaryArray>(array, first, count);
  }
  return (count * array.type()->bit_width() + 7) / 8;
}

// Owns exactly its rows.
arrow::Result<std::shared_ptr<RecordBatch>> Copy(const RecordBatch& slice) {
  arrow::ArrayVector columns;
  for (const auto& column : slice.columns()) {
    ARROW_ASSIGN_OR_RAISE(auto copy, arrow::Concatenate({column}));
    columns.push_back(std::move(copy));
  }
  return RecordBatch::Make(slice.schema(), slice.num_rows(), std::move(columns));
}

}  // namespace

bool IsFlat(const arrow::DataType& type) {
  if (type.id() == arrow::Type::EXTENSION) {
    return IsFlat(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  return arrow::is_base_binary_like(type.id()) || arrow::is_fixed_width(type.id());
}

int64_t ValueBytes(const RecordBatch& batch, int64_t first, int64_t count) {
  int64_t bytes = 0;
  for (const auto& column : batch.columns()) bytes += ValueBytes(*column, first, count);
  return bytes;
}

Status RowChunks::Add(const RecordBatch& batch) {
  for (int64_t at = 0; at < batch.num_rows();) {
    const int64_t count = RowsUntilFull(batch, at);
    if (ValueBytes(batch, at + count - 1, 1) >= bytes_max_) {
      Keep(batch, at, count - 1);
      ARROW_RETURN_NOT_OK(Flush());
      Keep(batch, at + count - 1, 1);
    } else {
      Keep(batch, at, count);
    }
    at += count;
    if (full()) ARROW_RETURN_NOT_OK(Flush());
  }
  if (!parts_.empty() && parts_.back()->num_rows() < batch.num_rows()) {
    ARROW_ASSIGN_OR_RAISE(parts_.back(), Copy(*parts_.back()));
  }
  return Status::OK();
}

void RowChunks::Keep(const RecordBatch& batch, int64_t first, int64_t count) {
  if (count == 0) return;
  parts_.push_back(batch.Slice(first, count));
  rows_ += count;
  bytes_ += ValueBytes(batch, first, count);
}

Status RowChunks::Flush() {
  if (parts_.empty()) return Status::OK();
  std::shared_ptr<RecordBatch> chunk = parts_.front();
  if (parts_.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(chunk, arrow::ConcatenateRecordBatches(parts_));
  }
  parts_.clear();
  rows_ = bytes_ = 0;
  return emit_(*chunk);
}

// At least one row, so that a single huge row moves on. The bytes grow with the count: a binary
// search.
int64_t RowChunks::RowsUntilFull(const RecordBatch& batch, int64_t first) const {
  const int64_t most = std::min(rows_max_ - rows_, batch.num_rows() - first);
  ARROW_DCHECK_GT(most, 0);
  const auto fills = [&](int64_t count) {
    return bytes_ + ValueBytes(batch, first, count) >= bytes_max_;
  };
  if (!fills(most)) return most;
  int64_t low = 1;
  int64_t high = most;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (fills(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace cdc::pq

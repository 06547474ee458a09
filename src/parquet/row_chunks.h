#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace cdc::pq {

// Cuts a stream of record batches into chunks whose borders depend on the rows alone, never on how
// the rows came in batches: a chunk ends after `rows_max` rows, or with the row that brings it to
// `bytes_max`, or before a row that is larger by itself: that one is a chunk of its own, so that it
// is never copied together with others. So the same rows become the same file.
class RowChunks {
 public:
  using Emit = std::function<arrow::Status(const arrow::RecordBatch& chunk)>;

  RowChunks(int64_t rows_max, int64_t bytes_max, Emit emit)
      : rows_max_(rows_max), bytes_max_(bytes_max), emit_(std::move(emit)) {}

  // Hands out every chunk that is full. Rows that are kept are copied if they are only a part of
  // their batch, so that they do not hold all of its memory.
  arrow::Status Add(const arrow::RecordBatch& batch);
  // Hands out what is left.
  arrow::Status Flush();

  int64_t pending_rows() const { return rows_; }
  int64_t pending_bytes() const { return bytes_; }

 private:
  bool full() const { return rows_ >= rows_max_ || bytes_ >= bytes_max_; }
  int64_t RowsUntilFull(const arrow::RecordBatch& batch, int64_t first) const;
  void Keep(const arrow::RecordBatch& batch, int64_t first, int64_t count);

  const int64_t rows_max_;
  const int64_t bytes_max_;
  const Emit emit_;
  arrow::RecordBatchVector parts_;  // of the chunk that is not yet full
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

// Whether ValueBytes knows the type; nested types and views are not used by any SQL type.
bool IsFlat(const arrow::DataType& type);
// Bytes of the values in rows [first, first + count), validity bits not counted.
int64_t ValueBytes(const arrow::RecordBatch& batch, int64_t first, int64_t count);

}  // namespace cdc::pq

#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <cstdint>
#include <memory>

#include "base/position.h"

namespace cdc::pq {

// The key of a row is in the first four columns of every object, whatever they are called:
// start_lsn, command_id, seqval, operation, in the order of the change table's clustered index.
// LSNs are 20 hex digits or 10 bytes (of fixed length in version 1 of the format), never NULL.
inline constexpr int kRowKeyColumns = 4;

bool BeginsWithRowKey(const arrow::Schema& schema);

// The keys of a batch's rows; the batch must outlive it.
class RowKeyColumns {
 public:
  // Invalid when the batch does not begin with a row key; says which column is wrong.
  static arrow::Result<RowKeyColumns> Of(const arrow::RecordBatch& batch);
  // Invalid: an LSN that is none.
  arrow::Result<RowKey> At(int64_t row) const;

 private:
  RowKeyColumns() = default;

  const arrow::Array* start_lsn_ = nullptr;
  const arrow::Int32Array* command_id_ = nullptr;
  const arrow::Array* seqval_ = nullptr;
  const arrow::Int32Array* operation_ = nullptr;
};

}  // namespace cdc::pq

#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <vector>

namespace cdc::pq {

// So many rows of an object, or bytes of them, are looked at before its first page is written.
inline constexpr int64_t kJudgedRows = 4096;
inline constexpr int64_t kJudgedBytes = 2 << 20;

// By column, whether a dictionary makes it smaller, as the object's first rows show it.
std::vector<bool> DictionariesThatPay(const arrow::RecordBatchVector& first_rows, int columns);

}  // namespace cdc::pq

#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/position.h"

namespace cdc {

// An order-independent checksum of a set of change rows: the sum modulo 2^128 of XXH3-128 over each
// row's position, because values of one row may read differently after an ALTER or with another
// driver. Hashed bytes: start_lsn (10), a byte 1 and command_id as 4 bytes little-endian (or a byte
// 0 and four zero bytes), seqval (10), operation as 4 bytes little-endian.
class RowChecksum {
 public:
  void Add(const RowKey& row);
  int64_t rows() const { return rows_; }
  // 32 lower-case hex digits.
  std::string ToString() const;
  bool operator==(const RowChecksum&) const = default;

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
  int64_t rows_ = 0;
};

}  // namespace cdc

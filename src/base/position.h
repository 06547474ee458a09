#pragma once

#include <arrow/result.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/lsn.h"

namespace cdc {

// The key of one change row: the change table's unique clustered index
// (__$start_lsn, __$command_id, __$seqval, __$operation). Rows written before a server upgrade have
// no command id; NULL sorts first, as in the index.
struct RowKey {
  Lsn start_lsn;
  std::optional<int32_t> command_id;
  Lsn seqval;
  int32_t operation = 0;

  auto operator<=>(const RowKey&) const = default;
};

// A point in the order of a table's changes: everything up to and including it is meant.
// Either behind a whole transaction (a bare LSN) or behind one row inside a transaction.
class Position {
 public:
  Position() = default;  // before everything
  static Position After(const Lsn& whole_transaction) { return Position(whole_transaction, {}); }
  static Position AfterRow(const RowKey& row) { return Position(row.start_lsn, row); }

  const Lsn& lsn() const { return lsn_; }
  bool inside_transaction() const { return row_.has_value(); }
  // The row, when inside a transaction.
  const RowKey& row() const { return *row_; }

  // The transactions up to here, this one included, lie at or before it as a whole.
  Lsn WholeTransactions() const { return row_ ? lsn_.Previous() : lsn_; }

  // Whether a row lies at or before this position.
  bool Covers(const RowKey& row) const;
  // One inside a transaction comes before the one behind the whole of it.
  std::strong_ordering operator<=>(const Position& other) const;
  bool operator==(const Position& other) const = default;

  // "0000002A000001F00004", or "0000002A000001F00004/3/0000002A000001F00002/4" inside a transaction
  // (start_lsn/command_id/seqval/operation; the command id is "-" when the row has none).
  std::string ToString() const;
  static arrow::Result<Position> Parse(std::string_view text);

 private:
  Position(const Lsn& lsn, std::optional<RowKey> row) : lsn_(lsn), row_(row) {}

  Lsn lsn_;
  std::optional<RowKey> row_;
};

}  // namespace cdc

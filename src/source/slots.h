#pragma once

#include <arrow/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "columns/value_length.h"
#include "odbc/connection.h"
#include "source/change_reader.h"

namespace cdc::source {

// How wide the columns of a statement are bound. Columns of long values ((max) types, xml) begin
// with small slots, so that many rows fit a block; they grow with the values and shrink again.
class Slots {
 public:
  struct Column {
    std::string name;  // for errors
    odbc::ColumnBinding first;
    bool grows = false;
    columns::ValueLength length;
  };

  explicit Slots(const ReadLimits& limits) : limits_(limits) {}
  void Add(Column column);

  const std::vector<odbc::ColumnBinding>& bindings() const { return bindings_; }
  int64_t RowsPerBlock() const;
  // Rows may take more than large_row_bytes.
  bool hold_large_rows() const { return grown_ && RowBytes() > limits_.large_row_bytes; }

  // The first row of [0, rows) with a value above max_value_bytes that fits its slot all the same:
  // text whose length is not that of what is bound, for which a slot has room for the worst case.
  std::optional<odbc::Overflow> FindTooLong(const odbc::Cursor& cursor, int64_t rows);
  // Makes room for a value that did not fit. CapacityError: it is above max_value_bytes (or
  // FindTooLong found it). IOError: its column's values have a length that is known.
  arrow::Status Grow(const odbc::Overflow& overflow);

  // Looks at rows that were handed out: after a stretch of small ones the first slots would do.
  void Note(const odbc::Cursor& cursor, int64_t first, int64_t rows);
  bool ShouldShrink() const;
  void Shrink();

 private:
  int64_t RowBytes() const;
  int64_t Largest(size_t column) const;
  arrow::Status TooLong(const Column& column, int64_t needed_bytes) const;

  const ReadLimits limits_;
  std::vector<Column> columns_;
  std::vector<odbc::ColumnBinding> bindings_;
  int64_t too_long_bytes_ = 0;  // of what FindTooLong found
  bool grown_ = false;
  int64_t small_rows_ = 0;
};

}  // namespace cdc::source

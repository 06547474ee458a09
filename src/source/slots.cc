#include "source/slots.h"

#include <fmt/format.h>

#include <algorithm>

namespace cdc::source {

namespace {

using arrow::Status;
using odbc::ColumnSlice;
using odbc::Overflow;

// After this many rows that would have fit the first slots, the large ones are given up again.
constexpr int64_t kRowsBeforeShrinking = 256;
constexpr int64_t kWideNul = 2;

bool IsWide(const odbc::ColumnBinding& binding) { return binding.c_type == odbc::CType::kWideChar; }

}  // namespace

void Slots::Add(Column column) {
  bindings_.push_back(column.first);
  columns_.push_back(std::move(column));
}

int64_t Slots::RowBytes() const {
  int64_t row_bytes = 0;
  for (const auto& binding : bindings_) {
    row_bytes += binding.slot_bytes + static_cast<int64_t>(sizeof(int64_t));
  }
  return row_bytes;
}

int64_t Slots::RowsPerBlock() const {
  return std::clamp<int64_t>(limits_.block_bytes / RowBytes(), 1, limits_.rows_per_block);
}

std::optional<Overflow> Slots::FindTooLong(const odbc::Cursor& cursor, int64_t rows) {
  std::optional<Overflow> found;
  too_long_bytes_ = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    if (!column.grows || column.length.is_exact()) continue;
    const ColumnSlice cells = cursor.column(static_cast<int>(i));
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t bound = cells.lengths[row];
      if (bound / 2 * 3 <= limits_.max_value_bytes) continue;  // as UTF-8 it cannot be longer
      const int64_t bytes = column.length.Of(cells.data + row * cells.slot_bytes, bound);
      if (bytes <= limits_.max_value_bytes) continue;
      found = Overflow{row, static_cast<int>(i), 0};
      too_long_bytes_ = bytes;
      rows = row;
    }
  }
  return found;
}

Status Slots::Grow(const Overflow& overflow) {
  const auto index = static_cast<size_t>(overflow.column);
  const Column& column = columns_[index];
  const int64_t needed = overflow.needed_bytes;
  if (!overflow.refused.empty()) {
    return Status::Invalid("column ", column.name,
                           ": the driver could not convert the value: ", overflow.refused);
  }
  if (!column.grows) {
    return Status::IOError("column ", column.name,
                           ": the driver sent a value longer than announced, ", needed, " bytes");
  }
  int64_t& slot = bindings_[index].slot_bytes;
  const int64_t largest = Largest(index);
  if (too_long_bytes_ > 0 || slot >= largest || needed > largest) return TooLong(column, needed);
  // A little more than needed: neighbours tend to be of similar length. Beyond large_row_bytes rows
  // come one by one anyway, and memory of a slot that no value reaches is not touched.
  int64_t wanted = needed > 0 ? needed + needed / 4 : slot * 4;
  if (wanted > limits_.large_row_bytes) wanted = largest;
  slot = std::min(wanted + wanted % 2, largest);
  grown_ = true;
  small_rows_ = 0;
  return Status::OK();
}

// Holds every value of max_value_bytes.
int64_t Slots::Largest(size_t column) const {
  const int64_t bound = columns_[column].length.BoundMax(limits_.max_value_bytes);
  return IsWide(bindings_[column]) ? bound - bound % 2 + kWideNul : bound;
}

// `needed_bytes`: the slot that the value needs, 0 if the driver does not say.
Status Slots::TooLong(const Column& column, int64_t needed_bytes) const {
  const int64_t at_least =
      column.length.AtLeast(needed_bytes - (IsWide(column.first) ? kWideNul : 0));
  // The server may have cut it.
  const bool is_whole = needed_bytes < sql::TextSizeBytes(limits_.max_value_bytes);
  const std::string bytes =
      too_long_bytes_ > 0 ? fmt::format("{}", too_long_bytes_)
      : needed_bytes == 0
          ? fmt::format("more than {}", limits_.max_value_bytes)
          : fmt::format("{}{}", column.length.is_exact() && is_whole ? "" : "at least ", at_least);
  return Status::CapacityError(
      fmt::format("column {} holds a value of {} bytes, above max_value_bytes ({}); raise [run] "
                  "max_value_bytes (CDC_RUN_MAX_VALUE_BYTES); cdc-to-s3 check says how "
                  "much memory that takes",
                  column.name, bytes, limits_.max_value_bytes));
}

void Slots::Note(const odbc::Cursor& cursor, int64_t first, int64_t rows) {
  if (!grown_) return;
  for (int64_t row = first; row < first + rows; ++row) {
    bool small = true;
    for (size_t i = 0; i < columns_.size() && small; ++i) {
      if (bindings_[i].slot_bytes == columns_[i].first.slot_bytes) continue;
      small = cursor.column(static_cast<int>(i)).lengths[row] <=
              columns_[i].first.slot_bytes - kWideNul;
    }
    small_rows_ = small ? small_rows_ + 1 : 0;
  }
}

bool Slots::ShouldShrink() const { return grown_ && small_rows_ >= kRowsBeforeShrinking; }

void Slots::Shrink() {
  for (size_t i = 0; i < columns_.size(); ++i) bindings_[i] = columns_[i].first;
  grown_ = false;
}

}  // namespace cdc::source

#include "base/position.h"

#include <charconv>
#include <vector>

namespace cdc {

namespace {

arrow::Result<int32_t> ParseInt(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return arrow::Status::Invalid("not a whole number: '", text, "'");
  }
  return value;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  for (;;) {
    const size_t next = text.find(separator, at);
    parts.push_back(text.substr(at, next - at));
    if (next == std::string_view::npos) return parts;
    at = next + 1;
  }
}

}  // namespace

bool Position::Covers(const RowKey& row) const {
  if (row.start_lsn != lsn_) return row.start_lsn < lsn_;
  return !row_ || row <= *row_;
}

std::strong_ordering Position::operator<=>(const Position& other) const {
  if (const auto by_lsn = lsn_ <=> other.lsn_; by_lsn != 0) return by_lsn;
  if (!row_ || !other.row_) return !row_ <=> !other.row_;  // the whole transaction comes last
  return *row_ <=> *other.row_;
}

std::string Position::ToString() const {
  std::string text = lsn_.ToString();
  if (row_) {
    text += '/' + (row_->command_id ? std::to_string(*row_->command_id) : "-");
    text += '/' + row_->seqval.ToString() + '/' + std::to_string(row_->operation);
  }
  return text;
}

arrow::Result<Position> Position::Parse(std::string_view text) {
  const auto parts = Split(text, '/');
  if (parts.size() != 1 && parts.size() != 4) {
    return arrow::Status::Invalid("a position is an LSN or lsn/command_id/seqval/operation: '",
                                  text, "'");
  }
  ARROW_ASSIGN_OR_RAISE(const Lsn lsn, Lsn::Parse(parts[0]));
  if (parts.size() == 1) return After(lsn);
  RowKey row;
  row.start_lsn = lsn;
  if (parts[1] != "-") {
    ARROW_ASSIGN_OR_RAISE(row.command_id, ParseInt(parts[1]));
  }
  ARROW_ASSIGN_OR_RAISE(row.seqval, Lsn::Parse(parts[2]));
  ARROW_ASSIGN_OR_RAISE(row.operation, ParseInt(parts[3]));
  return AfterRow(row);
}

}  // namespace cdc

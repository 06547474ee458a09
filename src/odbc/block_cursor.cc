#include "odbc/block_cursor.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

// Why every block is judged by ourselves: both drivers can end a stream that was cut like a
// complete one (a partial block with SQL_SUCCESS_WITH_INFO, then SQL_NO_DATA), and FreeTDS
// truncates a value without any diagnostic. So a return of SQL_SUCCESS_WITH_INFO counts only with
// records that are all harmless, every length indicator is compared with its slot, and the end
// counts only if the server's own row count agrees and nothing follows. A block with any doubt is
// not handed out: its rows can be read again.

namespace cdc::odbc {
namespace {

static_assert(sizeof(SQLLEN) == sizeof(int64_t) && kNull == SQL_NULL_DATA &&
              kNoTotal == SQL_NO_TOTAL);

constexpr std::string_view kFetching = "read rows";
constexpr int kEmptyBlocksMax = 1000;  // a server may send messages between rows
constexpr int64_t kRowsPerBlockMax = 65536;
constexpr int64_t kSlotBytesMax = (int64_t{1} << 30) + 2;
constexpr int64_t kLongSlotBytes = 1 << 20;
// No driver writes this: an indicator that still has it was never written.
constexpr SQLLEN kUnwritten = std::numeric_limits<SQLLEN>::min();

struct CTypeFacts {
  SQLSMALLINT c_type;
  int64_t fixed_bytes;  // 0: a slot of the caller's size
};

CTypeFacts FactsOf(CType type) {
  switch (type) {
    case CType::kBit:
      return {SQL_C_BIT, 1};
    case CType::kUTinyInt:
      return {SQL_C_UTINYINT, 1};
    case CType::kShort:
      return {SQL_C_SSHORT, 2};
    case CType::kLong:
      return {SQL_C_SLONG, 4};
    case CType::kBigInt:
      return {SQL_C_SBIGINT, 8};
    case CType::kFloat:
      return {SQL_C_FLOAT, 4};
    case CType::kDouble:
      return {SQL_C_DOUBLE, 8};
    case CType::kDate:
      return {SQL_C_TYPE_DATE, sizeof(SQL_DATE_STRUCT)};
    case CType::kTimestamp:
      return {SQL_C_TYPE_TIMESTAMP, sizeof(SQL_TIMESTAMP_STRUCT)};
    case CType::kWideChar:
      return {SQL_C_WCHAR, 0};
    case CType::kBinary:
      break;
  }
  return {SQL_C_BINARY, 0};
}

SQLPOINTER AsPointer(SQLULEN value) {
  return reinterpret_cast<SQLPOINTER>(value);  // NOLINT: ODBC passes integers as pointers
}

}  // namespace

arrow::Result<std::unique_ptr<Cursor>> BlockCursor::Open(std::shared_ptr<Session> session,
                                                         const std::string& sql,
                                                         const std::vector<Parameter>& parameters,
                                                         const std::vector<ColumnBinding>& columns,
                                                         int64_t rows_per_block) {
  std::unique_ptr<BlockCursor> cursor(new BlockCursor);
  cursor->session_ = session;
  ARROW_RETURN_NOT_OK(cursor->Allocate(columns, rows_per_block));
  ARROW_ASSIGN_OR_RAISE(cursor->statement_,
                        Statement::Execute(std::move(session), sql, parameters));
  arrow::Status bound = cursor->CheckColumnCount();
  if (bound.ok()) bound = cursor->Bind();
  if (!bound.ok()) return cursor->GiveUp(std::move(bound));
  return cursor;
}

arrow::Status BlockCursor::Allocate(const std::vector<ColumnBinding>& columns,
                                    int64_t rows_per_block) {
  if (rows_per_block < 1 || rows_per_block > kRowsPerBlockMax) {
    return arrow::Status::Invalid("rows per block must be 1 to ", kRowsPerBlockMax);
  }
  const auto rows = static_cast<size_t>(rows_per_block);
  for (const ColumnBinding& wanted : columns) {
    const CTypeFacts facts = FactsOf(wanted.c_type);
    BoundColumn& column = columns_.emplace_back();
    column.binding = wanted;
    column.c_type = facts.c_type;
    column.is_fixed = facts.fixed_bytes > 0;
    if (column.is_fixed) column.binding.slot_bytes = facts.fixed_bytes;
    const int64_t slot = column.binding.slot_bytes;
    const int64_t terminator = wanted.c_type == CType::kWideChar ? 2 : 0;
    if (slot <= terminator || slot > kSlotBytesMax || (terminator != 0 && slot % 2 != 0)) {
      return arrow::Status::Invalid("column ", columns_.size(), " cannot have a slot of ", slot,
                                    " bytes");
    }
    column.bytes_max = slot - terminator;
    // Not zeroed: pages that short values never reach stay untouched.
    const size_t bytes = (rows * static_cast<size_t>(slot) + 63) / 64 * 64;
    column.data.reset(static_cast<uint8_t*>(std::aligned_alloc(64, bytes)));  // NOLINT
    if (column.data == nullptr)
      return arrow::Status::OutOfMemory("a column's array of ", bytes, " bytes");
    column.lengths.resize(rows);
  }
  statuses_.resize(rows);
  return arrow::Status::OK();
}

arrow::Status BlockCursor::CheckColumnCount() {
  ARROW_ASSIGN_OR_RAISE(const bool has_rows, statement_->SkipToRows());
  if (!has_rows) return arrow::Status::Invalid("the statement has no result with rows");
  ARROW_ASSIGN_OR_RAISE(const int count, statement_->ColumnCount());
  if (static_cast<size_t>(count) == columns_.size()) return arrow::Status::OK();
  return arrow::Status::Invalid("the statement has ", count, " columns, and ", columns_.size(),
                                " were bound");
}

arrow::Status BlockCursor::Bind() {
  SQLHANDLE handle = statement_->handle();
  const std::pair<SQLINTEGER, SQLPOINTER> attributes[] = {
      {SQL_ATTR_ROW_BIND_TYPE, AsPointer(SQL_BIND_BY_COLUMN)},
      {SQL_ATTR_ROW_ARRAY_SIZE, AsPointer(statuses_.size())},
      {SQL_ATTR_ROW_STATUS_PTR, statuses_.data()},
      {SQL_ATTR_ROWS_FETCHED_PTR, &rows_fetched_}};
  for (const auto& [attribute, value] : attributes) {
    const SQLRETURN result = SQLSetStmtAttrW(handle, attribute, value, SQL_IS_POINTER);
    ARROW_RETURN_NOT_OK(session_->Check(result, handle, "bind rows"));
  }
  SQLUSMALLINT number = 0;
  for (BoundColumn& column : columns_) {
    const SQLRETURN result = SQLBindCol(handle, ++number, column.c_type, column.data.get(),
                                        column.binding.slot_bytes, column.lengths.data());
    ARROW_RETURN_NOT_OK(session_->Check(result, handle, fmt::format("bind column {}", number)));
  }
  return arrow::Status::OK();
}

ColumnSlice BlockCursor::column(int index) const {
  const BoundColumn& column = columns_[static_cast<size_t>(index)];
  return {column.data.get(), column.binding.slot_bytes, column.lengths.data()};
}

arrow::Result<int64_t> BlockCursor::Fetch() {
  ARROW_RETURN_NOT_OK(failure_);
  if (ended_) return 0;
  if (overflow_.has_value()) {
    // FreeTDS spoils every row of the block behind a value that did not fit.
    return arrow::Status::Invalid(
        "a value did not fit its slot; open the statement again with a larger one");
  }
  auto rows = FetchBlock();
  if (!rows.ok()) return GiveUp(rows.status());
  rows_total_ += *rows;
  return rows;
}

arrow::Status BlockCursor::GiveUp(arrow::Status error) {
  (void)statement_->Close();
  failure_ = session_->Confirm(std::move(error));
  return failure_;
}

void BlockCursor::ForgetLastBlock() {
  rows_fetched_ = 0;
  std::fill(statuses_.begin(), statuses_.end(), SQLUSMALLINT{SQL_ROW_NOROW});
  for (BoundColumn& column : columns_)
    std::fill(column.lengths.begin(), column.lengths.end(), kUnwritten);
}

void BlockCursor::ForgetCells() {
  static const auto kPageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const BoundColumn& column : columns_) {
    if (column.binding.slot_bytes < kLongSlotBytes) continue;
    const auto begin = reinterpret_cast<uintptr_t>(column.data.get());
    const uintptr_t end =
        begin + column.lengths.size() * static_cast<uintptr_t>(column.binding.slot_bytes);
    const uintptr_t first = (begin + kPageBytes - 1) / kPageBytes * kPageBytes;
    // Whole pages of ours alone; they read as zeros from here on.
    (void)madvise(reinterpret_cast<void*>(first),
                  (end - first) / kPageBytes * kPageBytes,  // NOLINT
                  MADV_DONTNEED);
  }
}

arrow::Result<int64_t> BlockCursor::FetchBlock() {
  for (int attempt = 0; attempt < kEmptyBlocksMax; ++attempt) {
    if (session_->cancelled()) return MakeErrorWithText("cancelled", {}, Retry::kNextRound, 0);
    ForgetLastBlock();
    const SQLRETURN result = statement_->Fetch();
    if (result == SQL_NO_DATA) {
      ARROW_RETURN_NOT_OK(CheckComplete());
      return 0;
    }
    std::vector<Diagnostic> records;
    if (result != SQL_SUCCESS) {
      records = ReadDiagnostics(SQL_HANDLE_STMT, statement_->handle());
      NoteRefusedValue(records);
    }
    const bool refused = overflow_.has_value();
    if (!SQL_SUCCEEDED(result) && !refused) return session_->Fail(statement_->handle(), kFetching);
    auto rows = static_cast<int64_t>(rows_fetched_);
    if (refused) rows = std::max(rows, overflow_->row + 1);
    if (rows > static_cast<int64_t>(statuses_.size())) {
      return session_->Distrust(kFetching,
                                "the driver says that it fetched more rows than there is room for");
    }
    ARROW_RETURN_NOT_OK(CheckLengths(rows));
    if (result == SQL_SUCCESS_WITH_INFO) {
      // FreeTDS says nothing of a value that it cut; the length indicator does.
      const bool explained = refused || (records.empty() && overflow_.has_value());
      if (!explained) ARROW_RETURN_NOT_OK(session_->Check(result, statement_->handle(), kFetching));
    }
    ARROW_RETURN_NOT_OK(CheckStatuses(rows));
    if (rows > 0) return rows;
  }
  return session_->Distrust(kFetching, "the driver keeps on returning blocks without rows");
}

// A row with an error of its own, explained by data exceptions (class 22) that the driver itself
// found: the value of its first column without a right length could not be converted.
void BlockCursor::NoteRefusedValue(const std::vector<Diagnostic>& records) {
  const auto row = std::ranges::find(statuses_, SQLUSMALLINT{SQL_ROW_ERROR}) - statuses_.begin();
  const bool of_values = !records.empty() && std::ranges::all_of(records, [](const auto& record) {
    return record.native == 0 && record.sqlstate.starts_with("22");
  });
  if (!of_values || row == std::ssize(statuses_)) return;
  const auto is_wrong = [row](const BoundColumn& column) {
    const SQLLEN length = column.lengths[static_cast<size_t>(row)];
    return column.is_fixed && length != kNull && length != column.bytes_max;
  };
  const auto column = std::ranges::find_if(columns_, is_wrong);
  if (column == columns_.end()) return;
  overflow_ =
      Overflow{row, static_cast<int>(column - columns_.begin()), 0, records.front().message};
}

arrow::Status BlockCursor::CheckLengths(int64_t rows) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_RETURN_NOT_OK(CheckColumnLengths(static_cast<int>(i), rows));
  }
  return arrow::Status::OK();
}

arrow::Status BlockCursor::CheckColumnLengths(int index, int64_t rows) {
  const BoundColumn& column = columns_[static_cast<size_t>(index)];
  // Rows from an overflow on are not looked at by anybody.
  const int64_t end = overflow_.has_value() ? std::min(rows, overflow_->row) : rows;
  for (int64_t row = 0; row < end; ++row) {
    const SQLLEN length = column.lengths[static_cast<size_t>(row)];
    if (length == kNull) continue;
    if (column.is_fixed ? length == column.bytes_max : length >= 0 && length <= column.bytes_max)
      continue;
    const bool too_long = !column.is_fixed && (length == kNoTotal || length > column.bytes_max);
    if (!too_long) {
      return session_->Distrust(kFetching, fmt::format("column {}, row {}: a length of {} bytes",
                                                       index + 1, row, length));
    }
    const int64_t terminator = column.binding.slot_bytes - column.bytes_max;
    overflow_ = Overflow{row, index, length == kNoTotal ? 0 : length + terminator};
    return arrow::Status::OK();
  }
  return arrow::Status::OK();
}

arrow::Status BlockCursor::CheckStatuses(int64_t rows) {
  const int64_t end = overflow_.has_value() ? overflow_->row : rows;
  for (int64_t row = 0; row < end; ++row) {
    const SQLUSMALLINT status = statuses_[static_cast<size_t>(row)];
    // With information: its records have been judged.
    if (status == SQL_ROW_SUCCESS || status == SQL_ROW_SUCCESS_WITH_INFO) continue;
    return session_->Distrust(kFetching,
                              fmt::format("row {} of a block has status {}", row, status));
  }
  return arrow::Status::OK();
}

arrow::Status BlockCursor::CheckComplete() {
  ARROW_RETURN_NOT_OK(statement_->CheckRowCount(rows_total_));
  ARROW_ASSIGN_OR_RAISE(const bool more, statement_->NextResult());
  if (more) return arrow::Status::Invalid("read rows: the statement has a further result");
  ended_ = true;
  return arrow::Status::OK();
}

}  // namespace cdc::odbc

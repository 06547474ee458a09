#include "source/change_reader.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "source/slots.h"
#include "source/value_fault.h"

// Reads one table's window as a stream of blocks. Three things make it more than a loop:
//  - A position inside a transaction is finished by a statement of its own, then whole transactions
//  follow:
//    both are seeks in the clustered index, an OR over both would not be.
//  - A value may be longer than its slot (slots.h). Rows before it are good; the statement is
//    opened again behind them with a larger slot, and with the small slots once a stretch of rows
//    needed no more. Nothing was claimed meanwhile.
//  - Pause closes the statement at any row; the next call opens it again behind the last row handed
//  out.
// In all three cases "where to open again" is the same thing: resume_.
//
// Memory: rows whose slots are larger than large_row_bytes are fetched one by one, and by one
// reader of the process at a time, so that their memory is needed once and not by every worker.
// Whoever holds the turn waits for nobody who waits for it: a reader asks for it with its statement
// closed, and needs nothing of another reader until it gives the turn back, at the latest at the
// end of its object. So tables with long values take turns object by object, and other tables wait
// only while all workers do.

namespace cdc::source {

namespace {

using arrow::Result;
using arrow::Status;
using columns::ColumnDecoder;
using odbc::ColumnSlice;

// Columns of the statement that this reader looks into itself.
enum MetadataIndex { kStartLsn, kCommandId, kSeqval, kOperation };
using columns::kMetadataColumns;

class SqlChangeReader : public ChangeReader {
 public:
  SqlChangeReader(odbc::Connection& connection, TableDescription table, sql::CommitTime commit_time,
                  const Position& from, const Position& to, const ReadLimits& limits)
      : connection_(connection),
        table_(std::move(table)),
        commit_time_(std::move(commit_time)),
        resume_(from),
        to_(to),
        large_rows_(limits.large_rows),
        slots_(limits) {}

  ~SqlChangeReader() override { (void)CloseCursor(); }

  Status Init() {
    ARROW_RETURN_NOT_OK(MakeDecoders());
    arrow::FieldVector fields;
    for (size_t i = 0; i < decoders_.size(); ++i) {
      const ColumnDecoder& decoder = *decoders_[i];
      const columns::SourceColumn* captured =
          i < kMetadataColumns ? nullptr : &table_.columns[i - kMetadataColumns];
      slots_.Add(
          {captured ? captured->name + " " + captured->TypeText() : decoder.fields()[0]->name(),
           decoder.binding(), decoder.grows(),
           columns::ValueLength(captured ? *captured : columns::SourceColumn())});
      fields.insert(fields.end(), decoder.fields().begin(), decoder.fields().end());
    }
    schema_ = arrow::schema(std::move(fields));
    return Status::OK();
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<std::optional<ChangeBatch>> Next(int64_t max_rows) override {
    auto batch = TryNext(max_rows);
    if (!batch.ok()) return Explain(batch.status());
    return batch;
  }

  Result<std::optional<RowKey>> Peek() override {
    const Status ready = EnsureRow();
    if (!ready.ok()) return Explain(ready);
    if (ended_) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const RowKey key, KeyAt(block_at_));
    if (!to_.Covers(key)) return std::nullopt;
    return key;
  }

  Status Pause() override {
    Status closed = CloseCursor();
    if (turn_.owns_lock()) turn_.unlock();
    return closed;
  }

 private:
  Status MakeDecoders() {
    decoders_.clear();
    for (int i = 0; i < kMetadataColumns; ++i) {
      decoders_.push_back(
          ColumnDecoder::MakeMetadata(static_cast<columns::MetadataColumn>(i), table_.metadata));
    }
    for (const columns::SourceColumn& column : table_.columns) {
      auto decoder = ColumnDecoder::Make(column);
      if (!decoder.ok()) return Refuse(decoder.status());
      decoders_.push_back(std::move(*decoder));
    }
    return Status::OK();
  }

  Status CloseCursor() {
    block_at_ = block_rows_ = 0;
    overflow_.reset();  // rows before it may have been left unread
    if (!cursor_) return Status::OK();
    Status closed = cursor_->Close();
    cursor_.reset();
    return closed;
  }

  // A type that is not supported stops the table.
  Status Refuse(const Status& status) const {
    if (!status.IsNotImplemented()) return status;
    std::vector<std::string> refused;
    for (const columns::SourceColumn& column : table_.columns) {
      if (!ColumnDecoder::Make(column).ok()) refused.push_back(column.name);
    }
    return refused.size() == table_.columns.size() ? status : WithRemedy(refused, status);
  }

  Result<std::optional<ChangeBatch>> TryNext(int64_t max_rows) {
    ARROW_RETURN_NOT_OK(EnsureRow());
    if (ended_) return std::nullopt;
    ChangeBatch batch;
    int64_t rows = std::min(max_rows, block_rows_ - block_at_);
    for (int64_t i = 0; i < rows; ++i) {
      ARROW_ASSIGN_OR_RAISE(const RowKey key, KeyAt(block_at_ + i));
      if (!to_.Covers(key)) {  // only when `to` lies inside a transaction
        rows = i;
        ended_ = true;
        break;
      }
      if (resume_.Covers(key) || (!batch.keys.empty() && key <= batch.keys.back())) {
        return Status::IOError("the server sent rows out of order: ",
                               Position::AfterRow(key).ToString());
      }
      batch.keys.push_back(key);
    }
    if (rows == 0) {
      ARROW_RETURN_NOT_OK(CloseCursor());
      return std::nullopt;
    }
    ARROW_RETURN_NOT_OK(DecodeGood(block_at_, &rows, &batch));
    slots_.Note(*cursor_, block_at_, rows);
    block_at_ += rows;
    if (block_at_ == block_rows_) cursor_->ForgetCells();
    resume_ = Position::AfterRow(batch.keys.back());
    if (ended_) ARROW_RETURN_NOT_OK(CloseCursor());
    return batch;
  }

  // Makes block_at_ point at a whole row, or ended_ true.
  Status EnsureRow() {
    while (!ended_ && block_at_ >= block_rows_) {
      if (overflow_ && overflow_key_ && !to_.Covers(*overflow_key_)) {
        ended_ = true;
        return CloseCursor();
      }
      if (overflow_) ARROW_RETURN_NOT_OK(GrowSlots());
      if (slots_.ShouldShrink()) {
        ARROW_RETURN_NOT_OK(Pause());  // gives the turn back, too
        slots_.Shrink();
      }
      if (!cursor_) {
        ARROW_RETURN_NOT_OK(OpenCursor());
        if (ended_) return Status::OK();
      }
      ARROW_RETURN_NOT_OK(FetchBlock());
    }
    return Status::OK();
  }

  Status OpenCursor() {
    const Lsn& lsn = resume_.lsn();
    std::vector<odbc::Parameter> parameters;
    if (commit_time_.mode == sql::CommitTime::Mode::kOffsetNow) {
      parameters.emplace_back(-commit_time_.offset_minutes);
    }
    std::string text;
    inside_ = resume_.inside_transaction();
    if (inside_) {
      const RowKey& row = resume_.row();
      parameters.emplace_back(lsn);
      if (row.command_id) {
        parameters.emplace_back(*row.command_id);
        parameters.emplace_back(*row.command_id);
      }
      parameters.emplace_back(row.seqval);
      parameters.emplace_back(row.seqval);
      parameters.emplace_back(row.operation);
      text = sql::ReadInside(table_, commit_time_, row.command_id.has_value());
    } else {
      if (lsn >= to_.lsn()) {
        ended_ = true;
        return Status::OK();
      }
      parameters.emplace_back(lsn);
      parameters.emplace_back(to_.lsn());
      text = sql::ReadWindow(table_, commit_time_);
    }
    if (slots_.hold_large_rows()) ARROW_RETURN_NOT_OK(TakeTurn());
    ARROW_RETURN_NOT_OK(CheckNotCancelled());
    ARROW_ASSIGN_OR_RAISE(
        cursor_, connection_.Open(text, parameters, slots_.bindings(), slots_.RowsPerBlock()));
    return Status::OK();
  }

  Status TakeTurn() {
    if (turn_.owns_lock()) return Status::OK();
    turn_ = std::unique_lock(*large_rows_, std::try_to_lock);
    if (turn_.owns_lock()) return Status::OK();
    ARROW_RETURN_NOT_OK(CheckNotCancelled());  // the question would make the connection forget it
    // FreeTDS keeps its last row, and the long value in it, until another result begins.
    ARROW_RETURN_NOT_OK(connection_.Query("SELECT 1", {}, 1).status());
    turn_.lock();
    return Status::OK();
  }

  // Whoever breaks a reader off does so once, perhaps while it has no statement open.
  Status CheckNotCancelled() const {
    return connection_.cancelled() ? TransientFault("cancelled") : Status::OK();
  }

  Status FetchBlock() {
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, cursor_->Fetch());
    block_at_ = 0;
    block_rows_ = rows;
    if (rows == 0) {  // complete
      cursor_.reset();
      if (inside_) {
        resume_ = Position::After(resume_.lsn());
      } else {
        ended_ = true;
      }
      return Status::OK();
    }
    overflow_ = cursor_->FirstOverflow();
    const auto too_long = slots_.FindTooLong(*cursor_, overflow_ ? overflow_->row : block_rows_);
    if (too_long) overflow_ = too_long;
    if (overflow_) {
      overflow_key_.reset();
      if (overflow_->column >= kMetadataColumns) {
        ARROW_ASSIGN_OR_RAISE(overflow_key_, KeyAt(overflow_->row));
      }
      block_rows_ = overflow_->row;
    }
    return Status::OK();
  }

  Status GrowSlots() {
    if (const Status grown = slots_.Grow(*overflow_); !grown.ok()) {
      if (!overflow_key_) return grown;
      return ValueFault(*overflow_key_, WithRemedy({NameOf(overflow_->column)}, grown));
    }
    return CloseCursor();
  }

  Result<RowKey> KeyAt(int64_t row) const {
    RowKey key;
    ARROW_ASSIGN_OR_RAISE(key.start_lsn, LsnAt(kStartLsn, row));
    ARROW_ASSIGN_OR_RAISE(key.seqval, LsnAt(kSeqval, row));
    ARROW_ASSIGN_OR_RAISE(key.command_id, IntAt(kCommandId, row));
    ARROW_ASSIGN_OR_RAISE(const auto operation, IntAt(kOperation, row));
    if (!operation || *operation < 1 || *operation > 4) {
      return Status::IOError("the server sent an impossible __$operation");
    }
    key.operation = *operation;
    return key;
  }

  Result<Lsn> LsnAt(MetadataIndex column, int64_t row) const {
    const ColumnSlice cells = cursor_->column(column);
    const char* bytes = reinterpret_cast<const char*>(cells.data + row * cells.slot_bytes);
    if (cells.lengths[row] != 10)
      return Status::IOError("the server sent an LSN that has not 10 bytes");
    return Lsn::FromBytes({bytes, 10});
  }

  Result<std::optional<int32_t>> IntAt(MetadataIndex column, int64_t row) const {
    const ColumnSlice cells = cursor_->column(column);
    if (cells.lengths[row] == odbc::kNull) return std::nullopt;
    if (cells.lengths[row] != 4)
      return Status::IOError("the server sent an int that has not 4 bytes");
    int32_t value = 0;
    std::memcpy(&value, cells.data + row * cells.slot_bytes, sizeof value);
    return value;
  }

  // Up to the first row with a value that cannot be decoded, which is an error by itself once it
  // comes first: `rows` and the batch's keys are cut to what is good.
  Status DecodeGood(int64_t first, int64_t* rows, ChangeBatch* batch) {
    for (;;) {
      int64_t failed = -1;
      const Status decoded = Decode(first, *rows, batch, &failed);
      if (failed < 0) return decoded;
      if (failed == 0) return ValueFault(batch->keys.front(), decoded);
      ARROW_RETURN_NOT_OK(MakeDecoders());  // they are of no use after an error
      *rows = failed;
      batch->keys.resize(static_cast<size_t>(failed));
      batch->altered_values.clear();
      ended_ = false;  // the faulty row is still to come
    }
  }

  // `failed`: the row, from 0, whose value is at fault for an error.
  Status Decode(int64_t first, int64_t rows, ChangeBatch* batch, int64_t* failed) {
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < decoders_.size(); ++i) {
      ColumnDecoder& decoder = *decoders_[i];
      const int64_t altered_before = decoder.altered_values();
      const Status appended = decoder.Append(cursor_->column(static_cast<int>(i)), first, rows);
      if (!appended.ok()) {
        *failed = decoder.failed_row();
        return *failed < 0 || i < kMetadataColumns
                   ? appended
                   : WithRemedy({NameOf(static_cast<int>(i))}, appended);
      }
      arrow::ArrayVector of_column;
      ARROW_RETURN_NOT_OK(decoder.Finish(&of_column));
      arrays.insert(arrays.end(), of_column.begin(), of_column.end());
      if (i >= kMetadataColumns) {
        batch->altered_values.push_back(decoder.altered_values() - altered_before);
      }
    }
    batch->rows = arrow::RecordBatch::Make(schema_, rows, std::move(arrays));
    return Status::OK();
  }

  const std::string& NameOf(int column) const {
    return table_.columns[static_cast<size_t>(column - kMetadataColumns)].name;
  }

  // What cannot be delivered stops the table; the other columns can go on without it.
  Status WithRemedy(const std::vector<std::string>& columns, const Status& why) const {
    std::string names;
    for (const std::string& column : columns) {
      names += (names.empty() ? "" : ", ") + TomlString(column);
    }
    return why.WithMessage(why.message(), "; to go on without ",
                           columns.size() == 1 ? "the column" : "the columns", ": [table.",
                           TomlString(table_.QualifiedName()), "] exclude_columns = [", names,
                           "]; then start again");
  }

  Status Explain(const Status& status) const {
    if (const auto row = FaultyRow(status)) {
      return status.WithMessage("read ", table_.QualifiedName(), " at LSN ",
                                row->start_lsn.ToString(), ": ", status.message());
    }
    return status.WithMessage("read ", table_.QualifiedName(), " after ", resume_.ToString(), ": ",
                              status.message());
  }

  odbc::Connection& connection_;
  const TableDescription table_;
  const sql::CommitTime commit_time_;
  Position resume_;  // behind the last row that was handed out
  const Position to_;
  const std::shared_ptr<std::mutex> large_rows_;

  std::vector<std::unique_ptr<ColumnDecoder>> decoders_;
  Slots slots_;
  std::shared_ptr<arrow::Schema> schema_;

  std::unique_lock<std::mutex> turn_;  // while rows may be large; given back after the cursor
  std::unique_ptr<odbc::Cursor> cursor_;
  bool inside_ = false;  // the open statement finishes one transaction
  bool ended_ = false;
  int64_t block_at_ = 0;
  int64_t block_rows_ = 0;
  std::optional<odbc::Overflow> overflow_;  // behind the block's whole rows
  std::optional<RowKey> overflow_key_;
};

}  // namespace

Result<std::unique_ptr<ChangeReader>> OpenChangeReader(odbc::Connection& connection,
                                                       const TableDescription& table,
                                                       const sql::CommitTime& commit_time,
                                                       const Position& from, const Position& to,
                                                       const ReadLimits& limits) {
  auto reader = std::make_unique<SqlChangeReader>(connection, table, commit_time, from, to, limits);
  ARROW_RETURN_NOT_OK(reader->Init());
  return reader;
}

}  // namespace cdc::source

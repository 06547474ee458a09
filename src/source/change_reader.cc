#include "source/change_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "source/value_fault.h"

// Reads one table's window as a stream of blocks. Three things make it more than a loop:
//  - A place inside a transaction is finished by a statement of its own, then whole transactions
//  follow:
//    both are seeks in the clustered index, an OR over both would not be.
//  - A value may be longer than its slot ((max) columns begin with small slots, so that many rows
//  fit a
//    block). Rows before it are good; the statement is opened again behind them with a larger slot,
//    and with the small slots once a stretch of rows needed no more. Nothing was claimed meanwhile.
//  - Pause closes the statement at any row; the next call opens it again behind the last row handed
//  out.
// In all three cases "where to open again" is the same thing: place_.

namespace cdc::source {

namespace {

using arrow::Result;
using arrow::Status;
using columns::ColumnDecoder;
using odbc::ColumnSlice;

// Metadata columns in the order of the statement and of the file.
constexpr columns::MetadataColumn kMetadataOrder[] = {
    columns::MetadataColumn::kStartLsn,   columns::MetadataColumn::kCommandId,
    columns::MetadataColumn::kSeqval,     columns::MetadataColumn::kOperation,
    columns::MetadataColumn::kUpdateMask, columns::MetadataColumn::kCommitTime,
};
enum MetadataIndex { kStartLsn, kCommandId, kSeqval, kOperation };
constexpr int kMetadataColumns = std::size(kMetadataOrder);

// After this many rows that would have fit the first slots, the large ones are given up again.
constexpr int64_t kRowsBeforeShrinking = 256;

class SqlChangeReader : public ChangeReader {
 public:
  SqlChangeReader(odbc::Connection& connection, TableDescription table, sql::CommitTime commit_time,
                  const Position& from, const Position& to, const ReadLimits& limits)
      : connection_(connection),
        table_(std::move(table)),
        commit_time_(std::move(commit_time)),
        place_(from),
        to_(to),
        limits_(limits) {}

  ~SqlChangeReader() override { (void)CloseCursor(); }

  Status Init() {
    ARROW_RETURN_NOT_OK(MakeDecoders());
    arrow::FieldVector fields;
    for (const auto& decoder : decoders_) {
      first_bindings_.push_back(decoder->binding());
      fields.insert(fields.end(), decoder->fields().begin(), decoder->fields().end());
    }
    bindings_ = first_bindings_;
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

  Status Pause() override { return CloseCursor(); }

 private:
  Status MakeDecoders() {
    decoders_.clear();
    for (const auto column : kMetadataOrder)
      decoders_.push_back(ColumnDecoder::MakeMetadata(column));
    for (const columns::SourceColumn& column : table_.columns) {
      auto decoder = ColumnDecoder::Make(column);
      if (!decoder.ok()) return Refuse(decoder.status());
      decoders_.push_back(std::move(*decoder));
    }
    return Status::OK();
  }

  Status CloseCursor() {
    block_at_ = block_rows_ = 0;
    if (!cursor_) return Status::OK();
    Status closed = cursor_->Close();
    cursor_.reset();
    return closed;
  }

  // A type that is not supported stops the table; the other columns can be captured without it.
  Status Refuse(const Status& status) const {
    if (!status.IsNotImplemented()) return status;
    std::vector<std::string> good;
    for (const columns::SourceColumn& column : table_.columns) {
      if (ColumnDecoder::Make(column).ok()) good.push_back(column.name);
    }
    if (good.empty()) return status;
    return status.WithMessage(status.message(), ". What helps: capture the table without it: ",
                              sql::CaptureOnly(table_.instance, good));
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
      if (place_.Covers(key) || (!batch.keys.empty() && key <= batch.keys.back())) {
        return Status::IOError("the server sent rows out of order: ",
                               Position::AfterRow(key).ToString());
      }
      batch.keys.push_back(key);
    }
    if (rows == 0) {
      ARROW_RETURN_NOT_OK(Pause());
      return std::nullopt;
    }
    ARROW_RETURN_NOT_OK(DecodeGood(block_at_, &rows, &batch));
    NoteLengths(block_at_, rows);
    block_at_ += rows;
    place_ = Position::AfterRow(batch.keys.back());
    if (ended_) ARROW_RETURN_NOT_OK(Pause());
    return batch;
  }

  // Makes block_at_ point at a whole row, or ended_ true.
  Status EnsureRow() {
    while (!ended_ && block_at_ >= block_rows_) {
      if (overflow_ && overflow_key_ && !to_.Covers(*overflow_key_)) {
        ended_ = true;
        return Pause();
      }
      if (overflow_) ARROW_RETURN_NOT_OK(GrowSlots());
      if (ShouldShrink()) ARROW_RETURN_NOT_OK(ShrinkSlots());
      if (!cursor_) {
        ARROW_RETURN_NOT_OK(OpenCursor());
        if (ended_) return Status::OK();
      }
      ARROW_RETURN_NOT_OK(FetchBlock());
    }
    return Status::OK();
  }

  Status OpenCursor() {
    const Lsn& lsn = place_.lsn();
    std::vector<odbc::Parameter> parameters;
    if (commit_time_.mode == sql::CommitTime::Mode::kOffsetNow) {
      parameters.emplace_back(-commit_time_.offset_minutes);
    }
    std::string text;
    inside_ = place_.inside_transaction();
    if (inside_) {
      const RowKey& row = place_.row();
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
    ARROW_ASSIGN_OR_RAISE(cursor_, connection_.Open(text, parameters, bindings_, RowsPerBlock()));
    return Status::OK();
  }

  int64_t RowsPerBlock() const {
    int64_t row_bytes = 0;
    for (const auto& binding : bindings_) {
      row_bytes += binding.slot_bytes + static_cast<int64_t>(sizeof(int64_t));
    }
    return std::clamp<int64_t>(limits_.block_bytes / row_bytes, 1, limits_.rows_per_block);
  }

  Status FetchBlock() {
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, cursor_->Fetch());
    block_at_ = 0;
    block_rows_ = rows;
    if (rows == 0) {  // complete
      cursor_.reset();
      if (inside_) {
        place_ = Position::After(place_.lsn());
      } else {
        ended_ = true;
      }
      return Status::OK();
    }
    overflow_ = cursor_->FirstOverflow();
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
    const auto column = static_cast<size_t>(overflow_->column);
    if (column < kMetadataColumns || !decoders_[column]->grows()) {
      return AtOverflow(Status::IOError("column ", NameOf(column),
                                        ": the driver sent a value longer than announced, ",
                                        overflow_->needed_bytes, " bytes"));
    }
    int64_t& slot = bindings_[column].slot_bytes;
    const int64_t slot_max = limits_.max_value_bytes + 2;  // a wide NUL
    if (slot >= slot_max || overflow_->needed_bytes > slot_max) {
      return AtOverflow(Status::CapacityError(fmt::format(
          "column {} holds a value of {} bytes, above max_value_bytes ({}); raise [run] "
          "max_value_bytes",
          NameOf(column),
          overflow_->needed_bytes > 0 ? std::to_string(overflow_->needed_bytes)
                                      : "more than " + std::to_string(slot),
          limits_.max_value_bytes)));
    }
    const int64_t needed = overflow_->needed_bytes;
    overflow_.reset();
    ARROW_RETURN_NOT_OK(Pause());
    // A little more than needed: neighbours tend to be of similar length. Even, for UTF-16.
    const int64_t wanted = needed > 0 ? needed + needed / 4 : slot * 2;
    slot = std::min(wanted + wanted % 2, slot_max + slot_max % 2);
    grown_ = true;
    small_rows_ = 0;
    return Status::OK();
  }

  Status AtOverflow(const Status& why) const {
    return overflow_key_ ? ValueFault(*overflow_key_, why) : why;
  }

  // As the statement has it, for errors.
  std::string NameOf(size_t column) const {
    if (column < kMetadataColumns) return schema_->field(static_cast<int>(column))->name();
    const columns::SourceColumn& captured = table_.columns[column - kMetadataColumns];
    return captured.name + " " + captured.TypeText();
  }

  bool ShouldShrink() const { return grown_ && small_rows_ >= kRowsBeforeShrinking; }

  Status ShrinkSlots() {
    ARROW_RETURN_NOT_OK(Pause());
    bindings_ = first_bindings_;
    grown_ = false;
    return Status::OK();
  }

  // Counts rows in a stretch that the first slots would have held.
  void NoteLengths(int64_t first, int64_t rows) {
    if (!grown_) return;
    for (int64_t row = first; row < first + rows; ++row) {
      bool small = true;
      for (size_t c = kMetadataColumns; c < bindings_.size() && small; ++c) {
        if (bindings_[c].slot_bytes == first_bindings_[c].slot_bytes) continue;
        small =
            cursor_->column(static_cast<int>(c)).lengths[row] <= first_bindings_[c].slot_bytes - 2;
      }
      small_rows_ = small ? small_rows_ + 1 : 0;
    }
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
        return appended;
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

  Status Explain(const Status& status) const {
    if (const auto row = FaultyRow(status)) {
      return status.WithMessage("read ", table_.QualifiedName(), " at LSN ",
                                row->start_lsn.ToString(), ": ", status.message());
    }
    return status.WithMessage("read ", table_.QualifiedName(), " after ", place_.ToString(), ": ",
                              status.message());
  }

  odbc::Connection& connection_;
  const TableDescription table_;
  const sql::CommitTime commit_time_;
  Position place_;  // behind the last row that was handed out
  const Position to_;
  const ReadLimits limits_;

  std::vector<std::unique_ptr<ColumnDecoder>> decoders_;
  std::vector<odbc::ColumnBinding> first_bindings_;
  std::vector<odbc::ColumnBinding> bindings_;
  std::shared_ptr<arrow::Schema> schema_;

  std::unique_ptr<odbc::Cursor> cursor_;
  bool inside_ = false;  // the open statement finishes one transaction
  bool ended_ = false;
  int64_t block_at_ = 0;
  int64_t block_rows_ = 0;
  std::optional<odbc::Overflow> overflow_;  // behind the block's whole rows
  std::optional<RowKey> overflow_key_;
  bool grown_ = false;
  int64_t small_rows_ = 0;
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

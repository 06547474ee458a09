#include "capture/object_builder.h"

#include <arrow/array.h>

#include <algorithm>

#include "capture/overlapped_writer.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;

constexpr int32_t kUpdateBefore = 3;
constexpr int64_t kRowsPerCallMax = 4096;

void CountAltered(const source::TableDescription& table, const source::ChangeBatch& batch,
                  pq::FooterRecord* record) {
  for (size_t i = 0; i < batch.altered_values.size(); ++i) {
    if (batch.altered_values[i] > 0)
      record->altered_values[table.columns[i].name] += batch.altered_values[i];
  }
}

// Of the last row; not there in sources that have none, and NULL where the server forgot it.
std::optional<UtcTime> LastCommitTime(const arrow::RecordBatch& rows) {
  const auto column = rows.GetColumnByName("__$commit_time");
  if (column == nullptr || column->type_id() != arrow::Type::TIMESTAMP) return std::nullopt;
  const auto& times = static_cast<const arrow::TimestampArray&>(*column);
  if (times.length() == 0 || times.IsNull(times.length() - 1)) return std::nullopt;
  return UtcTime(std::chrono::microseconds(times.Value(times.length() - 1)));
}

void DescribeColumns(const source::TableDescription& table, pq::FooterRecord* record) {
  for (const columns::SourceColumn& column : table.columns) {
    record->columns.push_back(
        {column.name, column.TypeText(), column.ordinal, column.column_id, column.is_computed});
  }
  record->key_columns = table.key_columns;
  record->options = table.options;
}

}  // namespace

Result<std::optional<BuiltObject>> BuildObject(source::ChangeReader& reader,
                                               const source::TableDescription& table,
                                               pq::FooterRecord record, const ObjectLimits& limits,
                                               const std::optional<Position>& claimed_to,
                                               const std::function<bool()>& stopped) {
  std::optional<OverlappedWriter> writer;
  const auto open_writer = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(
        auto opened, pq::ObjectWriter::Open(
                         reader.schema(), Spool::Create(limits.temp_dir, limits.spool_memory_bytes),
                         limits.row_group_memory_bytes));
    writer.emplace(std::move(opened));
    return Status::OK();
  };
  if (claimed_to) ARROW_RETURN_NOT_OK(open_writer());

  RowChecksum checksum;
  RowKey last;
  std::optional<UtcTime> last_commit;
  bool ended = false;
  const auto full = [&] {
    if (claimed_to) return false;
    return checksum.rows() >= limits.max_rows ||
           (writer && writer->estimated_bytes() >= limits.max_bytes);
  };
  while (!full() || last.operation == kUpdateBefore) {
    if (stopped()) return Status::Cancelled("stopped while reading ", table.QualifiedName());
    const int64_t room = claimed_to ? kRowsPerCallMax : limits.max_rows - checksum.rows();
    ARROW_ASSIGN_OR_RAISE(const auto batch,
                          reader.Next(full() ? 1 : std::clamp<int64_t>(room, 1, kRowsPerCallMax)));
    if (!batch) {
      ended = true;
      break;
    }
    if (!writer) ARROW_RETURN_NOT_OK(open_writer());
    last_commit = LastCommitTime(*batch->rows);
    ARROW_RETURN_NOT_OK(writer->Write(batch->rows));
    for (const RowKey& key : batch->keys) checksum.Add(key);
    last = batch->keys.back();
    CountAltered(table, *batch, &record);
  }
  if (!writer) return std::nullopt;

  std::optional<RowKey> next;
  if (claimed_to) {
    record.to = *claimed_to;
  } else {
    if (!ended) {
      ARROW_ASSIGN_OR_RAISE(next, reader.Peek());
    }
    const bool transaction_ended = !next || next->start_lsn != last.start_lsn;
    record.to = transaction_ended ? Position::After(last.start_lsn) : Position::AfterRow(last);
  }
  record.rows = checksum.rows();
  record.checksum = checksum.ToString();
  DescribeColumns(table, &record);
  ARROW_ASSIGN_OR_RAISE(auto bytes, writer->Close(record));
  return BuiltObject{std::move(bytes), std::move(record), next.has_value(), last_commit};
}

}  // namespace cdc::capture

#include "capture/object_builder.h"

#include <arrow/array.h>

#include <algorithm>

#include "base/fault.h"
#include "capture/overlapped_writer.h"
#include "source/value_fault.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;

constexpr int32_t kUpdateBefore = 3;
constexpr int64_t kRowsPerCallMax = 4096;

// The key of the last row behind which an object may end.
void NoteWhole(const std::vector<RowKey>& keys, std::optional<RowKey>* whole) {
  const auto found = std::find_if(keys.rbegin(), keys.rend(),
                                  [](const RowKey& key) { return key.operation != kUpdateBefore; });
  if (found != keys.rend()) *whole = *found;
}

Position EndBehind(const RowKey& last, const std::optional<RowKey>& next) {
  const bool transaction_ended = !next || next->start_lsn != last.start_lsn;
  return transaction_ended ? Position::After(last.start_lsn) : Position::AfterRow(last);
}

void CountAltered(const source::TableDescription& table, const source::ChangeBatch& batch,
                  pq::FooterRecord* record) {
  for (size_t i = 0; i < batch.altered_values.size(); ++i) {
    if (batch.altered_values[i] > 0)
      record->altered_values[table.columns[i].name] += batch.altered_values[i];
  }
}

// Of the last row; not there in sources that have none, and NULL where the server forgot it.
std::optional<UtcTime> LastCommitTime(const arrow::RecordBatch& rows) {
  constexpr int kColumn = static_cast<int>(columns::MetadataColumn::kCommitTime);
  if (rows.num_columns() <= kColumn) return std::nullopt;
  const arrow::Array& column = *rows.column(kColumn);
  if (column.type_id() != arrow::Type::TIMESTAMP || column.length() == 0) return std::nullopt;
  const auto& times = static_cast<const arrow::TimestampArray&>(column);
  const int64_t last = times.length() - 1;
  if (times.IsNull(last)) return std::nullopt;
  const auto unit = static_cast<const arrow::TimestampType&>(*times.type()).unit();
  return unit == arrow::TimeUnit::MILLI ? UtcTime(std::chrono::milliseconds(times.Value(last)))
                                        : UtcTime(std::chrono::microseconds(times.Value(last)));
}

std::map<std::string, columns::Alteration> ExplainAltered(const source::TableDescription& table,
                                                          const pq::FooterRecord& record) {
  std::map<std::string, columns::Alteration> altered;
  for (const columns::SourceColumn& column : table.columns) {
    if (record.altered_values.contains(column.name)) {
      altered.emplace(column.name, columns::AlterationOf(column));
    }
  }
  return altered;
}

void DescribeColumns(const source::TableDescription& table, pq::FooterRecord* record) {
  for (const columns::SourceColumn& column : table.columns) {
    record->columns.push_back(
        {column.name, column.TypeText(), column.ordinal, column.column_id, column.is_computed});
  }
  record->key_columns = table.key_columns;
  record->options = table.options;
  record->known_columns = rules::KnownColumnsOf(table, record->known_columns);
}

}  // namespace

ObjectFacts ObjectFacts::Of(const BuiltObject& object) {
  return {object.record.rows, object.bytes->size_bytes(), object.last_commit,
          object.record.altered_values, object.altered};
}

Result<std::optional<BuiltObject>> BuildObject(source::ChangeReader& reader,
                                               const source::TableDescription& table,
                                               pq::FooterRecord record, const ObjectLimits& limits,
                                               const std::optional<Position>& whole_to,
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
  if (whole_to) ARROW_RETURN_NOT_OK(open_writer());

  RowChecksum checksum;
  RowKey last;
  std::optional<RowKey> whole;
  std::optional<UtcTime> last_commit;
  bool ended = false;
  const auto full = [&] {
    if (whole_to) return false;
    return checksum.rows() >= limits.max_rows ||
           (writer && writer->estimated_bytes() >= limits.max_bytes);
  };
  while (!full() || last.operation == kUpdateBefore) {
    if (stopped()) return Status::Cancelled("stopped while reading ", table.QualifiedName());
    const int64_t room = whole_to ? kRowsPerCallMax : limits.max_rows - checksum.rows();
    auto read = reader.Next(full() ? 1 : std::clamp<int64_t>(room, 1, kRowsPerCallMax));
    if (const auto fault = source::FaultyRow(read.status()); fault && whole && !whole_to) {
      return WithFault(
          read.status(),
          {.reach = Reach::kValue, .row = fault, .whole_before = EndBehind(*whole, fault)});
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, std::move(read));
    if (!batch) {
      ended = true;
      break;
    }
    if (!writer) ARROW_RETURN_NOT_OK(open_writer());
    last_commit = LastCommitTime(*batch->rows);
    ARROW_RETURN_NOT_OK(writer->Write(batch->rows));
    for (const RowKey& key : batch->keys) checksum.Add(key);
    last = batch->keys.back();
    NoteWhole(batch->keys, &whole);
    CountAltered(table, *batch, &record);
  }
  if (!writer) return std::nullopt;

  std::optional<RowKey> next;
  if (whole_to) {
    record.to = *whole_to;
  } else {
    if (!ended) {
      auto peeked = reader.Peek();
      // A row that cannot be read is a next row, too.
      if (const auto fault = source::FaultyRow(peeked.status())) peeked = fault;
      ARROW_ASSIGN_OR_RAISE(next, std::move(peeked));
    }
    record.to = EndBehind(last, next);
  }
  record.rows = checksum.rows();
  record.checksum = checksum.ToString();
  DescribeColumns(table, &record);
  ARROW_ASSIGN_OR_RAISE(auto bytes, writer->Close(record));
  auto altered = ExplainAltered(table, record);
  return BuiltObject{std::move(bytes),  std::move(record), next.has_value(), last_commit, {},
                     std::move(altered)};
}

std::optional<Position> EndBeforeFault(const Status& status) {
  return FaultOf(status).whole_before;
}

}  // namespace cdc::capture

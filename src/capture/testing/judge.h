#pragma once

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "parquet/footer_record.h"
#include "store/testing/memory_store.h"

// Looks at objects as a reader would that knows nothing of the state document.
namespace cdc::capture::testing {

struct SeenObject {
  std::string key;
  pq::FooterRecord record;
  std::vector<RowKey> rows;
  // Of the source's own columns: every number that is in clear somewhere, by column.
  std::map<std::string, std::set<int64_t>> clear;
};

// What a reader finds in the columns behind the `metadata_columns` of CDC.
inline std::map<std::string, std::set<int64_t>> ClearValues(const arrow::Table& table,
                                                            int metadata_columns) {
  std::map<std::string, std::set<int64_t>> clear;
  for (int column = metadata_columns; column < table.num_columns(); ++column) {
    if (table.field(column)->type()->id() != arrow::Type::INT64) continue;
    const auto& values = static_cast<const arrow::Int64Array&>(*table.column(column)->chunk(0));
    for (int64_t i = 0; i < values.length(); ++i) {
      if (!values.IsNull(i)) clear[table.field(column)->name()].insert(values.Value(i));
    }
  }
  return clear;
}

inline SeenObject See(const std::string& key, const std::string& bytes) {
  SeenObject seen;
  seen.key = key;
  auto file = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto reader = parquet::arrow::OpenFile(file, arrow::default_memory_pool()).ValueOrDie();
  std::map<std::string, std::string> values;
  const auto metadata = reader->parquet_reader()->metadata()->key_value_metadata();
  for (int64_t i = 0; i < metadata->size(); ++i) values[metadata->key(i)] = metadata->value(i);
  seen.record = pq::FooterRecord::FromKeyValues(values).ValueOrDie();
  auto table = reader->ReadTable().ValueOrDie()->CombineChunks().ValueOrDie();
  if (table->num_rows() == 0) return seen;
  const auto& start = static_cast<const arrow::StringArray&>(*table->column(0)->chunk(0));
  const auto& command = static_cast<const arrow::Int32Array&>(*table->column(1)->chunk(0));
  const auto& seqval = static_cast<const arrow::StringArray&>(*table->column(2)->chunk(0));
  const auto& operation = static_cast<const arrow::Int32Array&>(*table->column(3)->chunk(0));
  for (int64_t i = 0; i < table->num_rows(); ++i) {
    RowKey row;
    row.start_lsn = Lsn::Parse(start.GetView(i)).ValueOrDie();
    row.seqval = Lsn::Parse(seqval.GetView(i)).ValueOrDie();
    row.command_id = command.Value(i);
    row.operation = operation.Value(i);
    seen.rows.push_back(row);
  }
  seen.clear = ClearValues(*table, 4);
  return seen;
}

// The objects below a folder in the order of their names.
inline std::vector<SeenObject> SeeFolder(
    const std::map<std::string, store::MemoryStore::Object>& objects, const std::string& folder) {
  std::vector<SeenObject> seen;
  for (const auto& [key, object] : objects) {
    if (key.starts_with(folder)) seen.push_back(See(key, object.bytes));
  }
  return seen;
}

// "" if the objects hold exactly `history`, once, in order, in a chain without hole; else what is
// wrong.
inline std::string JudgeFolder(const std::vector<SeenObject>& objects,
                               const std::vector<RowKey>& history) {
  std::vector<RowKey> rows;
  const SeenObject* previous = nullptr;
  for (const SeenObject& object : objects) {
    if (object.record.sequence != (previous == nullptr ? 1 : previous->record.sequence + 1)) {
      return object.key + " has sequence " + std::to_string(object.record.sequence);
    }
    if (previous != nullptr && object.record.from != previous->record.to) {
      return object.key + " begins at " + object.record.from.ToString() + ", not where " +
             previous->key + " ended, " + previous->record.to.ToString();
    }
    if (object.record.previous_key != (previous == nullptr ? "" : previous->key)) {
      return object.key + " names the previous object " + object.record.previous_key;
    }
    if (object.record.rows != static_cast<int64_t>(object.rows.size()))
      return object.key + " has a wrong count";
    if (!object.rows.empty() && object.rows.back().operation == 3)
      return object.key + " splits an update";
    rows.insert(rows.end(), object.rows.begin(), object.rows.end());
    previous = &object;
  }
  if (rows == history) return "";
  for (size_t i = 0; i < std::max(rows.size(), history.size()); ++i) {
    if (i < rows.size() && i < history.size() && rows[i] == history[i]) continue;
    return "row " + std::to_string(i) + " of " + std::to_string(history.size()) + " is " +
           (i < rows.size() ? Position::AfterRow(rows[i]).ToString() : "missing") + " instead of " +
           (i < history.size() ? Position::AfterRow(history[i]).ToString() : "nothing") + " (" +
           std::to_string(rows.size()) + " rows seen)";
  }
  return "";
}

}  // namespace cdc::capture::testing

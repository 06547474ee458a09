#pragma once

#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "columns/output_rules.h"
#include "source/source.h"

// A database with captured tables, in memory, as the rules of change data capture have it. Values
// are a function of the row's key, so only keys are kept.
namespace cdc::capture::testing {

inline Lsn MakeLsn(int64_t number) {
  Lsn lsn;
  for (int i = 0; i < 8; ++i)
    lsn.bytes[static_cast<size_t>(9 - i)] = static_cast<uint8_t>(number >> (8 * i));
  return lsn;
}

inline std::string TimeOf(int64_t number) { return "t" + std::to_string(number); }

inline columns::SourceColumn BigintColumn(const std::string& name, int32_t id) {
  columns::SourceColumn column;
  column.name = name;
  column.type_name = "bigint";
  column.column_id = id;
  return column;
}

// What a column of a source table has in each row, where it is not hidden.
inline int64_t ClearValue(int64_t source_object_id, int32_t column_id) {
  return source_object_id * 100 + column_id;
}

class FakeDatabase {
 public:
  // One capture instance of a source table.
  struct Table {
    source::CaptureInstance instance;
    std::vector<columns::SourceColumn> columns = {BigintColumn("v", 1)};
    std::vector<RowKey> rows;     // still there, in commit order
    std::vector<RowKey> history;  // all that there ever was
    Lsn made_at;                  // the low end before any cleanup
    // What unmasked columns become, and options that the description says are in effect.
    std::shared_ptr<arrow::DataType> value_type = arrow::int64();
    std::map<std::string, std::string> options;
  };

  // A table that is captured from the next commit on.
  void AddTable(const std::string& schema, const std::string& name) {
    Table table;
    table.instance.change_table_object_id = NextObjectId();
    table.instance.source_object_id = NextObjectId();
    table.instance.name = schema + "_" + name;
    table.instance.schema = schema;
    table.instance.table = name;
    table.instance.change_table = table.instance.name + "_CT";
    table.instance.start_lsn = table.made_at = MakeLsn(next_);
    tables[schema + "." + name] = table;
  }

  // The capture instance is dropped, its rows with it, and another one begins with the next commit.
  void MakeAnew(const std::string& table, const std::string& instance) {
    tables.at(table).rows.clear();
    tables.at(table).instance.name = instance;
    tables.at(table).instance.change_table_object_id = NextObjectId();
    tables.at(table).instance.start_lsn = StartNow();
  }

  // Behind the newest commit, which every instance that is enabled now comes after.
  Lsn StartNow() const { return mapping.empty() ? MakeLsn(next_) : MakeLsn(mapping.back()).Next(); }
  // The next commit: until then the capture process has not reached it.
  Lsn StartWithNextCommit() const { return MakeLsn(next_); }
  int64_t NextObjectId() { return ++objects_; }

  // One transaction; `operations` by table, 3 is followed by its 4. Returns its LSN's number.
  int64_t Commit(const std::map<std::string, std::vector<int32_t>>& operations) {
    const int64_t commit = next_;
    next_ += 3;
    for (const auto& [name, list] : operations) {
      int32_t command = 0;
      for (const int32_t operation : list) {
        if (operation != 4) ++command;
        // Change records have LSNs of their own that follow no order between transactions.
        const RowKey key{MakeLsn(commit), command / 3 + 1, MakeLsn(1'000'000 - commit + command),
                         operation};
        tables.at(name).rows.push_back(key);
      }
      auto& rows = tables.at(name).rows;
      std::sort(rows.begin(), rows.end());
      for (const RowKey& row : rows) {
        if (row.start_lsn == MakeLsn(commit)) tables.at(name).history.push_back(row);
      }
    }
    mapping.push_back(commit);
    return commit;
  }

  // As the cleanup job (all tables) or sys.sp_cdc_cleanup_change_table (one): the low end, then the
  // rows.
  void Cleanup(int64_t low_water_mark, const std::string& only = "") {
    for (auto& [name, table] : tables) {
      if (!only.empty() && name != only) continue;
      if (MakeLsn(low_water_mark) > table.instance.start_lsn)
        table.instance.start_lsn = MakeLsn(low_water_mark);
      std::erase_if(table.rows,
                    [&](const RowKey& row) { return row.start_lsn < MakeLsn(low_water_mark); });
    }
    if (only.empty())
      std::erase_if(mapping, [&](int64_t number) { return number < low_water_mark; });
  }

  std::map<std::string, Table> tables;
  std::set<int64_t> hidden;      // source tables whose names the login may not see
  columns::OutputRules output;   // what the settings say of their columns
  std::vector<int64_t> mapping;  // commits with a row in cdc.lsn_time_mapping
  std::set<RowKey> faulty;       // rows with a value that cannot be delivered
  std::set<RowKey> altered;      // rows with a value that loses something
  std::string guid = "guid", family_guid = "family", recovery_fork_guid = "fork";
  std::string fork;  // appended to commit times: another history has other times

 private:
  int64_t next_ = 100;
  int64_t objects_ = 0;
};

}  // namespace cdc::capture::testing

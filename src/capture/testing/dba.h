#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/testing/fake_database.h"

namespace cdc::capture::testing {

// What a database's administrator does to source tables and their capture, over a FakeDatabase
// whose tables are capture instances; and the ledger of what was ever captured. Columns have the
// ids 1 Id, 2 Mail, 3 Secret, 4 Note for ever, whatever they are called.
class Dba {
 public:
  struct SourceTable {
    std::string schema, name;
    std::vector<columns::SourceColumn> columns = {BigintColumn("Id", 1), BigintColumn("Mail", 2),
                                                  BigintColumn("Secret", 3),
                                                  BigintColumn("Note", 4)};
    bool dropped = false;
    std::vector<std::string> instances;  // keys of FakeDatabase::tables, the oldest first
    std::vector<RowKey> history;         // all that any instance ever had, in commit order
    // Rows that were gone before the program could have known of them.
    std::set<RowKey> excused;
  };
  // Whether the program need not know of a row that is removed now.
  using Unknown = std::function<bool(int64_t source_object_id, const RowKey& row)>;

  Dba(FakeDatabase& database, Unknown unknown)
      : database_(database), unknown_(std::move(unknown)) {}

  int64_t Create(const std::string& schema, const std::string& name) {
    const int64_t id = database_.NextObjectId();
    tables[id].schema = schema;
    tables[id].name = name;
    return id;
  }

  // sys.sp_cdc_enable_table; SQL Server allows two instances of a table. `columns`: the ids of the
  // captured ones; empty: all. `at_once`: else the capture process comes to it with the next commit.
  void On(int64_t id, bool at_once, const std::vector<int32_t>& only = {}) {
    SourceTable& table = tables.at(id);
    if (table.dropped || table.instances.size() == 2) return;
    FakeDatabase::Table made;
    made.instance.change_table_object_id = database_.NextObjectId();
    made.instance.source_object_id = id;
    made.instance.name = "instance_" + std::to_string(made.instance.change_table_object_id);
    made.instance.change_table = made.instance.name + "_CT";
    made.instance.schema = table.schema;
    made.instance.table = table.name;
    made.instance.start_lsn = made.made_at =
        at_once ? database_.StartNow() : database_.StartWithNextCommit();
    made.columns = table.columns;
    if (!only.empty()) {
      std::erase_if(made.columns, [&](const columns::SourceColumn& column) {
        return std::ranges::find(only, column.column_id) == only.end();
      });
    }
    columns_of[made.instance.name] = made.columns;
    table.instances.push_back(made.instance.name);
    database_.tables[made.instance.name] = std::move(made);
  }

  // sys.sp_cdc_disable_table of one instance, or of all.
  void OffOne(int64_t id, size_t which) {
    SourceTable& table = tables.at(id);
    const auto before = Readable(id);
    database_.tables.erase(table.instances.at(which));
    table.instances.erase(table.instances.begin() + static_cast<int64_t>(which));
    NoteLost(id, before);
  }
  void Off(int64_t id) {
    while (!tables.at(id).instances.empty()) OffOne(id, 0);
  }

  void Drop(int64_t id) {
    Off(id);
    tables.at(id).dropped = true;
  }

  // sp_rename, or ALTER SCHEMA … TRANSFER; refused where the name is taken.
  void Rename(int64_t id, const std::string& schema, const std::string& name) {
    if (Find(schema, name)) return;
    SourceTable& table = tables.at(id);
    table.schema = schema;
    table.name = name;
    for (const std::string& key : table.instances) {
      database_.tables.at(key).instance.schema = schema;
      database_.tables.at(key).instance.table = name;
    }
  }

  // Instances that there are keep the name that the column had.
  void RenameColumn(int64_t id, int32_t column_id, const std::string& name) {
    auto& columns = tables.at(id).columns;
    std::ranges::find(columns, column_id, &columns::SourceColumn::column_id)->name = name;
  }

  // The cleanup job: all instances at once.
  void Cleanup(int64_t low_water_mark) {
    std::map<int64_t, std::set<RowKey>> before;
    for (const auto& [id, table] : tables) before[id] = Readable(id);
    database_.Cleanup(low_water_mark);
    for (const auto& [id, rows] : before) NoteLost(id, rows);
  }

  // One transaction; only what is captured is in the ledger.
  void Commit(const std::map<int64_t, std::vector<int32_t>>& operations) {
    std::map<std::string, std::vector<int32_t>> by_instance;
    for (const auto& [id, list] : operations) {
      for (const std::string& key : tables.at(id).instances) by_instance[key] = list;
    }
    const Lsn lsn = MakeLsn(database_.Commit(by_instance));
    for (const auto& [id, list] : operations) {
      for (const RowKey& row : Readable(id)) {
        if (row.start_lsn == lsn) tables.at(id).history.push_back(row);
      }
    }
  }

  // What some instance of the table still has.
  std::set<RowKey> Readable(int64_t id) const {
    std::set<RowKey> rows;
    for (const std::string& key : tables.at(id).instances) {
      const auto& of_instance = database_.tables.at(key).rows;
      rows.insert(of_instance.begin(), of_instance.end());
    }
    return rows;
  }

  // Null where no table is called so.
  std::optional<int64_t> Find(const std::string& schema, const std::string& name) const {
    for (const auto& [id, table] : tables) {
      if (!table.dropped && table.schema == schema && table.name == name) return id;
    }
    return std::nullopt;
  }

  std::map<int64_t, SourceTable> tables;  // by source object id, with the dropped ones
  // By capture instance, with those that are gone.
  std::map<std::string, std::vector<columns::SourceColumn>> columns_of;

 private:
  void NoteLost(int64_t id, const std::set<RowKey>& before) {
    const std::set<RowKey> now = Readable(id);
    for (const RowKey& row : before) {
      if (!now.contains(row) && unknown_(id, row)) tables.at(id).excused.insert(row);
    }
  }

  FakeDatabase& database_;
  const Unknown unknown_;
};

}  // namespace cdc::capture::testing

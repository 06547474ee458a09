#include "rules/holders.h"

#include <utility>

namespace cdc::rules {

namespace {

std::string OfAnotherDatabase(const state::Holder& holder) {
  return "its folder is that of a table of another database, whose state is " + holder.document +
         "; set [target] path = \"{database}/{table}/cdc\"";
}

// A document goes on with the name that its table had first.
std::string OfAnotherGroup(const state::Holder& holder, const Newcomer& table) {
  if (holder.table == table.name) {
    return "it is delivered by another program already, whose state is " + holder.document +
           "; the tables and exclude patterns of groups must not overlap";
  }
  return "it is delivered by another program already, as " + holder.table +
         ", the name that it had first; the state is " + holder.document +
         ". Nothing of it is read here. What helps: name " + table.name +
         " in [source] exclude of this program";
}

}  // namespace

std::string WhyAnothers(const state::OtherTables& others, const std::string& database,
                        const Newcomer& table) {
  if (const auto it = others.source_object_ids.find(table.source_object_id);
      it != others.source_object_ids.end()) {
    return OfAnotherGroup(it->second, table);
  }
  const auto there = others.folders.find(table.folder);
  if (there == others.folders.end()) return "";
  const state::Holder& holder = there->second;
  if (!state::IsOfDatabase(holder.document, database)) return OfAnotherDatabase(holder);
  if (holder.table == table.name) return OfAnotherGroup(holder, table);
  return "its folder " + table.folder + " is that of table " + holder.table + ", whose state is " +
         holder.document + "; set [target] path = \"{database}/{schema}/{table}/cdc\"";
}

std::string WhyFollowerIsAnothers(const state::OtherTables& others, const state::Table& entry,
                                  int64_t source_object_id) {
  const auto holder = others.source_object_ids.find(source_object_id);
  if (holder == others.source_object_ids.end()) return "";
  return "another table is captured under this name now (object id " +
         std::to_string(source_object_id) +
         "), and another program delivers that one already, as " + holder->second.table +
         "; the state is " + holder->second.document +
         ". It cannot go on in this folder as well. Nothing is read under this name. What helps: "
         "give the two tables their names back, or name " +
         entry.QualifiedName() + " in [source] exclude of this program";
}

std::string WhyMoved(const TableNames& names, const std::string& folder) {
  if (names.FolderNumber(folder) > 0) return "";
  return "[target] path now gives the folder " + names.folder() +
         ", but the table's objects are in " + folder +
         ". Put the setting back; a table's folder never changes";
}

std::set<std::string> FoldersInUse(const Settings& settings, const state::Document& own,
                                   const std::vector<source::CaptureInstance>& captured) {
  std::set<std::string> folders;
  for (const auto& [name, table] : own.tables) {
    for (std::string& folder : table.Folders()) folders.insert(std::move(folder));
  }
  for (const source::CaptureInstance& instance : captured) {
    if (instance.table.empty()) continue;
    const auto names =
        TableNames::Make(settings.path, settings.database, instance.schema, instance.table);
    if (names.ok()) folders.insert(names->folder());
  }
  return folders;
}

Holders::Holders(const state::Document* own, const state::OtherTables& others, std::string database)
    : others_(others), database_(std::move(database)) {
  if (own == nullptr) return;
  for (const auto& [name, table] : own->tables) {
    for (const std::string& folder : table.Folders()) own_folders_[folder] = name;
  }
}

std::string Holders::WhyRefused(const Newcomer& table) const {
  std::string why = WhyAnothers(others_, database_, table);
  if (!why.empty()) return why;
  const auto beside = own_folders_.find(table.folder);
  if (beside == own_folders_.end()) return "";
  return "table " + beside->second + " already uses the folder " + table.folder +
         "; set [target] path = \"{database}/{schema}/{table}/cdc\"";
}

}  // namespace cdc::rules

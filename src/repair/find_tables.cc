#include "repair/find_tables.h"

#include <algorithm>
#include <set>
#include <utility>

#include "parquet/stored_object.h"
#include "repair/last_object.h"
#include "rules/column_guard.h"
#include "rules/found_folders.h"
#include "rules/selection.h"
#include "state/folders.h"

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;

class Finder {
 public:
  Finder(const WhereToFind& where, state::Document* document)
      : with_(where),
        document_(*document),
        selection_(rules::TableSelection::Make(where.options.tables, where.options.exclude)) {}

  Result<FoundTables> Find();

 private:
  std::map<std::string, state::Table>& tables() { return document_.tables; }

  Status LookIntoKnown();
  Status LookIntoFound();
  Status LookIntoCaptured();
  Result<rules::TableNames> NamesOf(const std::string& schema, const std::string& table) const {
    return rules::TableNames::Make(with_.options.path, with_.options.database, schema, table);
  }
  Status LookInto(const rules::FoundFolder& found);
  Status LookInto(const rules::TableNames& names, const std::string& name);
  Status Advance(state::Table* table, const LastObject& last);
  void Follow(const pq::FooterRecord& record, state::Table* table);
  Status Enter(const rules::TableNames& names, const LastObject& last);
  Status NoteEarlier(const LastObject& last, state::Table* table);
  void TakeMemory(const LastObject& last, state::Table* table);
  void LetOneHaveEach();
  void Bind(const pq::FooterRecord& record, state::Table* table);
  void RememberColumns(const pq::FooterRecord& newest, state::Table* table);

  const WhereToFind with_;
  state::Document& document_;
  const rules::TableSelection selection_;
  std::map<std::string, std::string> others_;  // folders of other documents
  FoundTables found_;
};

Result<FoundTables> Finder::Find() {
  ARROW_ASSIGN_OR_RAISE(others_,
                        state::FoldersOfOthers(with_.state_store, with_.options.document()));
  ARROW_RETURN_NOT_OK(LookIntoKnown());
  ARROW_RETURN_NOT_OK(LookIntoFound());
  ARROW_RETURN_NOT_OK(LookIntoCaptured());
  LetOneHaveEach();
  return std::move(found_);
}

// A source table whose name another one was to go on under has a folder of its own since, and the
// last object of the earlier folder is still one of its: it is where its newest object lies.
void Finder::LetOneHaveEach() {
  std::map<int64_t, state::Table*> newest;
  for (auto& [name, table] : tables()) {
    if (table.source_object_id == 0) continue;
    state::Table*& holder = newest[table.source_object_id];
    if (holder == nullptr || holder->position < table.position) holder = &table;
  }
  for (auto& [name, table] : tables()) {
    if (table.source_object_id == 0 || newest.at(table.source_object_id) == &table) continue;
    found_.table_notes[name] = "its last object is of a source table that goes on as " +
                               newest.at(table.source_object_id)->QualifiedName();
    table.earlier_tables.push_back({table.source_object_id, table.position, table.columns});
    table.source_object_id = 0;
    table.change_table_object_id = 0;
    table.name_today.clear();
  }
}

// Tables that the document knows, captured or not.
Status Finder::LookIntoKnown() {
  for (auto& [name, table] : tables()) {
    ARROW_ASSIGN_OR_RAISE(auto names, NamesOf(table.schema, table.name));
    if (names.FolderNumber(table.folder) == 0) {
      return Status::Invalid("[target] path gives table ", name, " the folder ", names.folder(),
                             ", but its objects are in ", table.folder, ". Put the setting back");
    }
    names = names.InFolder(names.FolderNumber(table.folder));
    auto last = FindLastObject(with_.data, names, table.claim ? table.claim->key : "");
    if (!last.ok()) return last.status().WithMessage("table ", name, ": ", last.status().message());
    if (*last) ARROW_RETURN_NOT_OK(Advance(&table, **last));
    found_.newest = std::max(found_.newest, table.position.lsn());
  }
  return Status::OK();
}

// Tables that it does not know, by the names that their objects say, whatever they are called today
// and whether they are captured or not.
Status Finder::LookIntoFound() {
  const auto is_known = [this](const std::string& folder) {
    return others_.contains(folder) || !HolderOf(document_, folder).empty();
  };
  const auto see = [this](const rules::FoundFolder& found) -> Result<bool> {
    ARROW_RETURN_NOT_OK(LookInto(found));
    return true;
  };
  ARROW_ASSIGN_OR_RAISE(const bool all, rules::WalkFolders(with_.data, with_.options.path,
                                                           with_.options.database, is_known, see));
  if (!all) {
    found_.notes.push_back(
        "there are too many folders to look into all: a table that is called otherwise today than "
        "its folder may not have been found");
  }
  return Status::OK();
}

// A folder that a captured table would get must hold nothing foreign.
Status Finder::LookIntoCaptured() {
  std::set<std::string> seen;
  for (const CaptureInstance& instance : with_.info.instances) {
    if (instance.table.empty() || !selection_.Selects(instance.schema, instance.table)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto names, NamesOf(instance.schema, instance.table));
    if (others_.contains(names.folder()) || !seen.insert(names.folder()).second) continue;
    const std::string holder = HolderOf(document_, names.folder());
    if (holder.empty()) {
      ARROW_RETURN_NOT_OK(LookInto(names, instance.QualifiedName()));
    } else if (holder != instance.QualifiedName()) {
      found_.notes.push_back("the folder " + names.folder() + " holds objects of table " + holder +
                             ", not of " + instance.QualifiedName() + ", which is left to the run");
    }
  }
  return Status::OK();
}

Status Finder::LookInto(const rules::FoundFolder& found) {
  const pq::FooterRecord& record = found.record;
  const std::string name = record.schema + "." + record.table;
  if (record.database != with_.options.database) {
    if (!rules::TellsDatabasesApart(with_.options.path)) return Status::OK();
    return Status::Invalid("table ", name, ": its folder ", found.folder,
                           " holds objects of database ", record.database);
  }
  // Without groups there is nobody else whose table it could be: it keeps its resume position for
  // the day on which the settings select it.
  const bool concerns = rules::Concerns(record, selection_, with_.info.instances);
  if (!concerns && !with_.options.group.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto names, NamesOf(record.schema, record.table));
  if (names.FolderNumber(found.folder) == 0 || tables().contains(name)) {
    found_.notes.push_back("the folder " + found.folder + " holds objects of table " + name +
                           ", whose folder is " + names.folder() + ": it is left alone");
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(LookInto(names, name));
  if (!concerns && tables().contains(name)) {
    found_.table_notes[name] = "no setting selects it: it keeps its resume position";
  }
  return Status::OK();
}

Status Finder::LookInto(const rules::TableNames& names, const std::string& name) {
  const auto last = FindLastObject(with_.data, names, "");
  if (!last.ok()) return last.status().WithMessage("table ", name, ": ", last.status().message());
  if (!*last) return Status::OK();
  const pq::FooterRecord& record = (*last)->record;
  if (record.database != with_.options.database) {
    return Status::Invalid("table ", name, ": its folder holds objects of database ",
                           record.database);
  }
  if (record.schema + "." + record.table != name) {
    found_.notes.push_back("the folder " + names.folder() + " holds objects of table " +
                           record.schema + "." + record.table + ", not of " + name +
                           ", which is left to the run");
    return Status::OK();
  }
  found_.histories.emplace(record.history_id, name);
  return Enter(names, **last);
}

// What a claim would say of the object.
state::Claim ClaimOf(const LastObject& last) { return {last.record, last.key, /*confirmed=*/true}; }

void GoOnIn(const std::string& folder, state::Table* table) {
  if (folder == table->folder) return;
  table->earlier_folders.push_back(table->folder);
  table->folder = folder;
}

// The folder knows more than the document: it was set back.
Status Finder::Advance(state::Table* table, const LastObject& last) {
  const pq::FooterRecord& record = last.record;
  const bool ours = record.database == with_.options.database && record.schema == table->schema &&
                    record.table == table->name;
  if (!ours || record.sequence <= table->sequence()) {
    return Status::Invalid("table ", table->QualifiedName(), ": object ", last.key,
                           " comes after the last one that the document knows, but says that it is "
                           "number ",
                           record.sequence, " of ", record.schema, ".", record.table);
  }
  found_.histories.emplace(record.history_id, table->QualifiedName());
  const bool is_of_a_follower =
      record.source_object_id != 0 && record.source_object_id != table->source_object_id;
  if (is_of_a_follower) Follow(record, table);
  table->claim = ClaimOf(last);
  GoOnIn(last.folder, table);
  table->form = {};  // of the objects that came since nothing was seen
  table->position = std::max(table->position, record.to);
  for (state::Gap& gap : table->gaps) {
    if (gap.carried_by == 0 && gap.to <= record.to) gap.carried_by = record.sequence;
  }
  TakeMemory(last, table);
  found_.newest = std::max(found_.newest, record.to.lsn());
  return Status::OK();
}

// Another source table went on in the folder, which the document does not know of.
void Finder::Follow(const pq::FooterRecord& record, state::Table* table) {
  table->earlier_tables.push_back(
      {table->source_object_id, document_.ResumePosition(*table), table->columns});
  Bind(record, table);
  table->earlier_instances.clear();
  table->follows = 0;
  table->name_today.clear();
  table->start = table->position = record.from;
  table->empty_through = Lsn{};
  table->in_cut = false;
  table->columns.clear();
}

// The newest object says what the document of its time remembered; older programs' objects do not.
void Finder::TakeMemory(const LastObject& last, state::Table* table) {
  if (!last.record.remembers()) return RememberColumns(last.record, table);
  table->columns = last.record.known_columns;
  table->earlier_tables = last.record.earlier_tables;
}

// What was kept back stays so without the document that remembered it.
void Finder::RememberColumns(const pq::FooterRecord& newest, state::Table* table) {
  std::optional<source::TableDescription> described;
  for (const CaptureInstance& instance : with_.info.instances) {
    if (instance.source_object_id != table->source_object_id ||
        instance.name != newest.capture_instance) {
      continue;
    }
    auto description = with_.source.Describe(instance);
    if (description.ok()) {
      described = std::move(*description);
    } else {
      found_.notes.push_back(
          table->QualifiedName() +
          ": which columns were left out cannot be told: " + description.status().message());
    }
  }
  table->columns = rules::KnownColumnsOf(newest, table->columns, described ? &*described : nullptr);
}

// The source table and the instance as the object says them. Objects of earlier versions do not
// say which table theirs was: the one of that name, then.
void Finder::Bind(const pq::FooterRecord& record, state::Table* table) {
  table->source_object_id = record.source_object_id;
  table->capture_instance = record.capture_instance;
  const CaptureInstance* captured = nullptr;
  for (const CaptureInstance& instance : with_.info.instances) {
    const bool has_name = instance.schema == table->schema && instance.table == table->name;
    if (table->source_object_id == 0 && has_name) {
      table->source_object_id = instance.source_object_id;
    }
    if (table->source_object_id == 0 || instance.source_object_id != table->source_object_id) {
      continue;
    }
    captured = &instance;
    // An instance of that name that is gone keeps no id: a run then decides which one follows.
    if (instance.name == table->capture_instance) {
      table->change_table_object_id = instance.change_table_object_id;
    }
  }
  std::string& note = found_.table_notes[table->QualifiedName()];
  if (captured == nullptr) {
    note = "not captured now: it keeps its name and its resume position";
  } else if (!captured->table.empty() && captured->QualifiedName() != table->QualifiedName()) {
    note = "called " + captured->QualifiedName() + " today";
  }
}

// Another source table had the folder before. Only the objects that are cheap to find are asked.
Status Finder::NoteEarlier(const LastObject& last, state::Table* table) {
  const auto note = [&](int64_t source_object_id, const Position& through) {
    const bool is_other = source_object_id != 0 && table->source_object_id != 0 &&
                          source_object_id != table->source_object_id;
    if (!is_other || !table->earlier_tables.empty()) return;
    table->earlier_tables.push_back({source_object_id, through, {}});
  };
  if (!last.record.previous_key.empty()) {
    const auto previous = pq::ReadRecord(with_.data, last.record.previous_key);
    const bool is_away = store::KindOf(previous.status()) == store::ErrorKind::kNotFound ||
                         previous.status().IsInvalid();
    if (!previous.ok() && !is_away) return previous.status();
    if (previous.ok()) note(previous->source_object_id, previous->to);
  }
  note(last.first_source_object_id, last.first_to);
  return Status::OK();
}

Status Finder::Enter(const rules::TableNames& names, const LastObject& last) {
  state::Table table;
  table.schema = last.record.schema;
  table.name = last.record.table;
  table.folder = names.folder();
  GoOnIn(last.folder, &table);
  Bind(last.record, &table);
  table.start = last.first_from;
  table.position = last.record.to;
  table.claim = ClaimOf(last);
  if (!last.record.remembers()) ARROW_RETURN_NOT_OK(NoteEarlier(last, &table));
  TakeMemory(last, &table);
  for (const state::EarlierTable& earlier : table.earlier_tables) {
    if (earlier.source_object_id == 0) continue;
    found_.notes.push_back("the folder " + table.folder + " holds objects of an earlier table " +
                           table.QualifiedName() + ", too: it goes on with the newest one's");
    break;
  }
  if (found_.newest <= table.position.lsn() && !last.record.database_guid.empty()) {
    found_.database_guid = last.record.database_guid;
    found_.family_guid = last.record.family_guid;
  }
  found_.newest = std::max(found_.newest, table.position.lsn());
  tables().emplace(table.QualifiedName(), std::move(table));
  return Status::OK();
}

}  // namespace

Result<FoundTables> FindTables(const WhereToFind& where, state::Document* document) {
  return Finder(where, document).Find();
}

std::string HolderOf(const state::Document& document, const std::string& folder) {
  for (const auto& [name, table] : document.tables) {
    if (std::ranges::count(table.Folders(), folder) > 0) return name;
  }
  return "";
}

}  // namespace cdc::repair

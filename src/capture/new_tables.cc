#include <algorithm>

#include "base/events.h"
#include "capture/capture.h"
#include "capture/folders.h"

// How captured tables that the document does not know yet come into it.

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using source::Horizon;
using source::PollInfo;

Status SharesFolder(const std::string& other, const std::string& folder) {
  return StopsTable("table " + other + " already uses the folder " + folder +
                    "; set [target] path = \"{database}/{schema}/{table}/cdc\"");
}

const state::Table* Find(const std::map<std::string, state::Table>& tables,
                         const std::string& name) {
  const auto found = tables.find(name);
  return found == tables.end() ? nullptr : &found->second;
}

// Whether the source table is there already, under whatever name: a renamed table is still the same
// one.
bool IsKnown(const std::map<std::string, state::Table>& tables, const CaptureInstance& instance) {
  return std::ranges::any_of(tables, [&](const auto& entry) {
    return entry.second.source_object_id == instance.source_object_id;
  });
}

Status ReadsLike(const state::Table& other) {
  return StopsTable("its full name reads like that of table [" + other.schema + "].[" + other.name +
                    "], and the state could not tell them apart; rename one of the two");
}

}  // namespace

Status Capture::AddNewTables(const PollInfo& info) {
  std::map<std::string, state::Table> added;
  for (const CaptureInstance& instance : info.instances) {
    if (IsKnown(context_.document().tables, instance) || IsKnown(added, instance)) continue;
    std::string name =
        instance.table.empty() ? "capture instance " + instance.name : instance.QualifiedName();
    const state::Table* namesake = Find(context_.document().tables, name);
    if (namesake == nullptr) namesake = Find(added, name);
    // Made anew under its old name: which instance it is read from now is decided later.
    if (namesake != nullptr && namesake->schema == instance.schema) continue;
    if (namesake != nullptr) name = "[" + instance.schema + "].[" + instance.table + "]";
    if (IsResting(name)) continue;
    if (namesake != nullptr) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, ReadsLike(*namesake)));
      continue;
    }
    // The capture process has not seen it yet, or the horizon has not reached its start.
    if (instance.start_lsn.is_zero() || instance.start_lsn.Previous() > info.horizon->lsn) continue;
    auto table = Admit(instance, *info.horizon);
    if (IsStopsEverything(table.status())) ARROW_RETURN_NOT_OK(context_.owned.Confirm());
    if (!table.ok()) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, table.status()));
      continue;
    }
    for (const auto& [other, known] : added) {
      if (known.folder != table->folder) continue;
      table = SharesFolder(other, known.folder);
      break;
    }
    if (!table.ok()) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, table.status()));
      continue;
    }
    context_.TableFine(name);
    context_.runtime[name].folder_checked = true;
    added.emplace(name, std::move(*table));
  }
  if (added.empty()) return Status::OK();
  // ★ The entry with its start is in the document before the first read.
  ARROW_RETURN_NOT_OK(context_.Swap([&](state::Document& document) {
    document.tables.insert(added.begin(), added.end());
    MoveAnchor(document, *info.horizon);
  }));
  for (const auto& [name, table] : added) {
    LogEvent(Level::kInfo, "table_added",
             {{"table", name}, {"start", table.start.ToString()}, {"folder", table.folder}});
  }
  return Status::OK();
}

Result<state::Table> Capture::Admit(const CaptureInstance& instance, const Horizon& horizon) const {
  if (instance.table.empty()) {
    return StopsTable(
        "the login may not see the source table's name; GRANT VIEW DEFINITION ON DATABASE to it");
  }
  // Opening a reader over an empty window asks nothing of the server but whether every type is
  // known.
  ARROW_ASSIGN_OR_RAISE(const auto description, context_.source.Describe(instance));
  ARROW_RETURN_NOT_OK(
      context_.source.Read(description, Position::After(horizon.lsn), Position::After(horizon.lsn))
          .status());

  state::Table table;
  table.schema = instance.schema;
  table.name = instance.table;
  table.source_object_id = instance.source_object_id;
  table.change_table_object_id = instance.change_table_object_id;
  table.capture_instance = instance.name;
  ARROW_ASSIGN_OR_RAISE(const TableNames names, context_.NamesOf(table));
  table.folder = names.folder();
  for (const auto& [other, known] : context_.document().tables) {
    if (known.folder == table.folder) {
      return SharesFolder(other, table.folder);
    }
  }
  ARROW_RETURN_NOT_OK(UnlessListingIsOptional(
      context_.options, CheckFolder(context_.data, names, "", table.QualifiedName())));

  const std::string& start = context_.options.start;
  if (start == "oldest") {
    table.start = Position::After(instance.start_lsn.Previous());
  } else if (start == "now") {
    table.start = Position::After(horizon.lsn);
  } else {
    ARROW_ASSIGN_OR_RAISE(const Lsn lsn, Lsn::Parse(start));
    if (lsn > horizon.lsn) {
      return StopsTable("start = " + start + " lies beyond the newest change, " +
                        horizon.lsn.ToString());
    }
    table.start = Position::After(lsn);
  }
  table.position = table.start;
  return table;
}

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <map>
#include <string>
#include <vector>

#include "rules/settings.h"
#include "source/source.h"
#include "state/document.h"
#include "store/store.h"

// Which tables a target holds objects of, as the objects themselves say it.
namespace cdc::repair {

struct WhereToFind {
  const rules::Settings& options;
  store::Store& data;
  store::Store& state_store;
  source::Source& source;
  const source::PollInfo& info;
};

struct FoundTables {
  std::map<std::string, std::string> histories;  // of the last objects: history id -> table
  // Of the database, as the newest object says it; "" where none does.
  std::string database_guid;
  std::string family_guid;
  Lsn newest;                      // that any object or position has seen
  std::vector<std::string> notes;  // what concerns no single entry
  std::map<std::string, std::string> table_notes;
};

// Brings the document's entries forward to the last objects of their folders, and makes an entry of
// each table whose objects it does not know. An error says what stands against it.
arrow::Result<FoundTables> FindTables(const WhereToFind& where, state::Document* document);

// The name of the entry that has the folder; "" where none has.
std::string HolderOf(const state::Document& document, const std::string& folder);

}  // namespace cdc::repair

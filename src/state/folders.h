#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/state_file.h"

// What other documents of the store have entered.
namespace cdc::state {

// An entry of another document.
struct Holder {
  std::string document;  // its key
  std::string table;     // the entry's name
};

struct OtherTables {
  std::map<std::string, Holder> folders;
  // Of the same database: there a table is its source_object_id, whatever it is called.
  std::map<int64_t, Holder> source_object_ids;
  std::vector<EarlierTable> earlier_tables;
};

// Of the same database.
arrow::Result<OtherTables> TablesOfOthers(store::Store& store, const DocumentName& own);

// Their folders alone, with the documents' keys.
arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(store::Store& store,
                                                                  const DocumentName& own);

arrow::Result<std::map<std::string, std::string>> FoldersOfOtherDatabases(
    store::Store& store, const std::string& database);

// Whether a document's key is one of the database's.
bool IsOfDatabase(std::string_view key, const std::string& database);

}  // namespace cdc::state

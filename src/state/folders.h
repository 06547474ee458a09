#pragma once

#include <arrow/result.h>

#include <map>
#include <string>
#include <string_view>

#include "state/state_file.h"

// Which folders other documents of the store have: those of their tables, with the documents' keys.
namespace cdc::state {

// Of the same database.
arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(store::Store& store,
                                                                  const DocumentName& own);

arrow::Result<std::map<std::string, std::string>> FoldersOfOtherDatabases(
    store::Store& store, const std::string& database);

// Whether a document's key is one of the database's.
bool IsOfDatabase(std::string_view key, const std::string& database);

}  // namespace cdc::state

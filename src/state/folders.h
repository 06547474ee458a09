#pragma once

#include <arrow/result.h>

#include <map>
#include <string>

#include "state/state_file.h"

namespace cdc::state {

// Which tables other documents of the same database deliver: their folders, with the documents'
// keys.
arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(store::Store& store,
                                                                  const DocumentName& own);

}  // namespace cdc::state

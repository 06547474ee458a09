#pragma once

#include <arrow/result.h>

#include <map>
#include <string>

#include "capture/context.h"
#include "state/folders.h"

namespace cdc::capture {

// Which tables other documents of the same database deliver: their folders, with the documents'
// keys. A table must be in one document only; nothing else keeps two groups whose patterns overlap
// from delivering it twice. Whoever wants a table writes it into the own document first and looks
// at the others then: of two that do so at the same time at least one sees the other and withdraws.
arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(const Context& context);

// The trouble of a table that another group's document has.
arrow::Status BelongsTo(const std::string& document);

}  // namespace cdc::capture

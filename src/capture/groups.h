#pragma once

#include <arrow/result.h>

#include <map>
#include <string>

#include "capture/context.h"

namespace cdc::capture {

// Which folders the tables of other documents have, with the documents' keys: of the same database,
// and of all in the target where [target] path does not tell databases apart. A folder must be in
// one document only; nothing else keeps two groups whose patterns overlap from delivering a table
// twice. Whoever wants a table writes it into the own document first and looks at the others then:
// of two that do so at the same time at least one sees the other and withdraws.
arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(const Context& context);

// The trouble of a table whose folder another document has.
arrow::Status BelongsTo(const Context& context, const std::string& document);

// The trouble of a table of which nobody knows whether another document has it.
arrow::Status NotKnownWhose(const arrow::Status& why);

}  // namespace cdc::capture

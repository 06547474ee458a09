#pragma once

#include <arrow/result.h>

#include <vector>

#include "rules/naming.h"
#include "store/store.h"

namespace cdc::rules {

// The numbers of a table's further folders (TableNames::InFolder) in which something lies, in
// order. What is not a name of this table's is passed over: another table may be called so.
arrow::Result<std::vector<int>> FurtherFolders(store::Store& data, const TableNames& names);

}  // namespace cdc::rules

#pragma once

#include <arrow/status.h>

#include <optional>

#include "base/position.h"

namespace cdc::source {

// An error that is the fault of one row's value, not of the connection or the statement: reading
// again gives the same, until a setting or the source changes. The rows before it are good.
arrow::Status ValueFault(const RowKey& row, const arrow::Status& why);
// The row; nothing when the error is no value's fault.
std::optional<RowKey> FaultyRow(const arrow::Status& status);

}  // namespace cdc::source

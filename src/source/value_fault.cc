#include "source/value_fault.h"

#include "base/fault.h"

namespace cdc::source {

arrow::Status ValueFault(const RowKey& row, const arrow::Status& why) {
  return WithFault(why, {.reach = Reach::kValue, .row = row});
}

std::optional<RowKey> FaultyRow(const arrow::Status& status) { return FaultOf(status).row; }

}  // namespace cdc::source

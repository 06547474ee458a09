#pragma once

#include <arrow/status.h>

#include "capture/context.h"

namespace cdc::capture {

// Captured tables that are selected and that the document does not know yet come into it, each with
// its start. INVARIANT: The entry is in the document before the first read.
arrow::Status AddNewTables(Context& context, const source::PollInfo& info);

}  // namespace cdc::capture

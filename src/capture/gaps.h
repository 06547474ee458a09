#pragma once

#include <arrow/status.h>

#include <string>

#include "capture/context.h"

namespace cdc::capture {

// Whether retention (cleanup) has passed rows that were not delivered. Then the table stops and
// says from where to where; or with on_gap = "continue" the gap goes into the document in a swap of
// its own, and the table goes on behind it. A table that has only just been entered at its oldest
// row has lost nothing that it ever had: it begins where the rows begin now, unless it was told as
// stopped meanwhile, or follows another one.
arrow::Status JudgeGap(Context& context, const std::string& table,
                       const source::CaptureInstance& instance, const source::Horizon& horizon);

}  // namespace cdc::capture

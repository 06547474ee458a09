#pragma once

#include <arrow/result.h>

#include <string>

#include "capture/context.h"

namespace cdc::capture {

// The capture instance that a table is read from: the one that the document names. If that is gone,
// or was made anew, another instance of the same source table takes its place:
//  - one whose low end does not lie beyond the table's place holds everything that is missing: it
//  follows, and
//    nothing is lost (the usual way of a schema change: a second instance, then the first is
//    dropped);
//  - else the changes between place and low end are a gap: the table stops, or with on_gap =
//  "continue" the gap
//    and the new instance go into the document in one swap.
// The claimed window of a table that has one not yet delivered is read from the instance that
// follows, too.
arrow::Result<source::CaptureInstance> ChooseInstance(Context& context, const std::string& table,
                                                      const source::PollInfo& info);

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>

#include "capture/context.h"

namespace cdc::capture {

// What a table is read from in this round.
struct Reading {
  source::CaptureInstance instance;
  // Only up to here: then a newer instance of the same table takes over.
  std::optional<Lsn> through;
};

// The capture instance that a table is read from: the one that the document names. Another one of
// the same source table takes its place
//  - at its own start, when it is newer: an object ends there, and the next one has its columns. So
//    a second instance with a new column is followed as soon as it holds what comes next, and the
//    older one can be dropped when it has been read through;
//  - when the named one is gone or was made anew: without a gap if the other one holds all that is
//    missing; else the changes in between are a gap: the table stops, or with on_gap = "continue"
//    the gap and the new instance go into the document in one swap.
// A pinned instance is never left for another one, and is gone to as soon as it holds what comes
// next. The claimed window of a table that has one not yet delivered is read from the instance that
// follows, too.
arrow::Result<Reading> ChooseInstance(Context& context, const std::string& table,
                                      const source::PollInfo& info);

// Of the instances of one source table, the one that a new table begins with: a pinned one, else
// the one that goes back farthest. Null when `source_object_id` has none that has begun.
const source::CaptureInstance* FirstInstance(const Options& options, const source::PollInfo& info,
                                             int64_t source_object_id);

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>

#include "capture/context.h"
#include "rules/gap.h"
#include "rules/instance_choice.h"

namespace cdc::capture {

// What a table is read from in this round.
struct Reading {
  source::CaptureInstance instance;  // called as the entry is
  // Only up to here: then a newer instance of the same table takes over.
  std::optional<Lsn> through;
  // Another source table that goes on under the entry's name once this one is delivered.
  std::optional<source::CaptureInstance> follower;
  // The table is gone: its last claim is looked for, and nothing is read.
  bool claim_only = false;
  // Further ones that may show the rows of a claim which this one does not show whole.
  rules::Instances others = {};
};

rules::InstanceFacts FactsOf(const Context& context, const source::PollInfo& info);

// Does what rules::ChooseInstance says: writes down that another instance is followed, or, with
// on_gap = "continue", the gap before it. An error is the table's: it is not read now.
arrow::Result<Reading> ChooseReading(Context& context, const std::string& table,
                                     const source::PollInfo& info);

// Everything of the present table is delivered, and its last object is known to be there: the
// entry's name, folder and numbers go on with `follower`. `gap`: what was lost of the present one.
arrow::Status FollowTable(Context& context, const std::string& table,
                          const source::CaptureInstance& follower,
                          const std::optional<rules::Range>& gap, const source::Horizon& horizon);

}  // namespace cdc::capture

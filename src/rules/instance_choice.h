#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/table_identity.h"

namespace cdc::rules {

// What the choice is made from, beside the document.
struct InstanceFacts {
  const Instances& instances;              // of all tables, as the server shows them
  const Lsn& horizon;                      // up to which changes are known to be complete
  const std::vector<std::string>& pinned;  // [source] instances
};

// The capture process has seen the instance, and what it holds may be read.
bool HasBegun(const source::CaptureInstance& instance, const Lsn& horizon);

// What an entry's table is read from, and what has to be written down before.
struct InstanceChoice {
  enum class What {
    kRead,  // `instance`, the one that the entry names; up to `through`, where a newer one goes on
    kFollow,  // `instance`, which holds all that is missing: the entry is to name it first
    kGap,     // no instance shows the next rows any more; those of `instance` come first after them
    kNotYet,  // the same, but the capture process has not reached `instance` yet
    kGone     // the table is not captured any more
  };
  What what = What::kGone;
  source::CaptureInstance instance;  // none with kGone
  std::optional<Lsn> through;        // kRead, and where `instance` helps out
  // kFollow, kGap: the one that the entry names shows less, and is gone back to as soon as it can be.
  bool helps_out = false;
  // Another source table is captured under the entry's name: the instance that it would begin with.
  // It has not begun where the capture process has not reached it.
  std::optional<source::CaptureInstance> namesake;
};

// The capture instance that a table is read from: the one that the entry names. Another one of the
// same source table takes its place
//  - at its own start, when it is newer: an object ends there, and the next one has its columns. So
//    a second instance with a new column is followed as soon as it holds what comes next, and the
//    older one can be dropped when it has been read through;
//  - when the named one is gone or was made anew: without a gap if the other one holds all that is
//    missing; else the changes in between are a gap;
//  - when cleanup took rows from the named one that the other one still shows: a gap never has rows
//    that any instance shows. It helps out until the named one shows what comes next again.
// Newer is told by LSN and object id, never by the server's local time; cleanup gives both the same
// low end, so an instance that was left for a newer one does no more than help out. A pinned instance is never left
// for another one, and is gone to as soon as it holds what comes next. `claim_open`: the last claim
// is not known to be delivered; it is read again from the instance that it was made from.
InstanceChoice ChooseInstance(const state::Document& document, const state::Table& entry,
                              const InstanceFacts& facts, bool claim_open);

// What the window of the entry's last claim may be read again from, in this order: the instance that
// the entry names, then the others, the oldest first. Rows are the same in all that still show
// them; count and checksum tell. Empty when the table is not captured any more.
Instances InstancesForClaim(const state::Table& entry, const InstanceFacts& facts);

// What is wrong with an entry whose name another table has, and both ways on.
std::string WhyReplaced(const state::Table& entry, const InstanceChoice& choice);

// Of the instances of one source table, the one that a new entry begins with: a pinned one, else
// the one that goes back farthest. Null when it has none that has begun.
const source::CaptureInstance* FirstInstance(int64_t source_object_id, const InstanceFacts& facts);

}  // namespace cdc::rules

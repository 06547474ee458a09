#pragma once

#include <arrow/result.h>

#include <string>

#include "state/state_file.h"
#include "store/store.h"

namespace cdc::app {

// What can be said of a document's owner.
enum class OwnerLife {
  kReleased,  // it gave the document up
  kLiving,
  kSilent,  // not heard of for the length of its lease, or its process is gone
  kUnknown  // another host's, and nobody has watched it
};
const char* Name(OwnerLife life);  // "released" "living" "silent" "unknown"

// Without watching: an owner on this host lives if its process does; of another host's nothing is
// known.
OwnerLife LookAtOwner(const state::Owner& owner);
// Watches the document for at most the length of its lease.
arrow::Result<OwnerLife> WatchOwner(store::Store& store, const state::DocumentName& name,
                                    const state::Owner& owner);

}  // namespace cdc::app

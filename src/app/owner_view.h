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
  kSilent,  // not heard of for the length of its lease, or its process has ended on this machine
  kUnknown  // nobody has watched it
};
const char* Name(OwnerLife life);  // "released" "living" "silent" "unknown"

// Without watching: of a process of this machine it can be told whether it has ended.
OwnerLife LookAtOwner(const state::Owner& owner);
// Watches the document for at most the length of its lease.
arrow::Result<OwnerLife> WatchOwner(store::Store& store, const state::DocumentName& name,
                                    const state::Owner& owner);

}  // namespace cdc::app

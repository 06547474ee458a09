#include "app/owner_view.h"

#include <algorithm>
#include <string_view>
#include <thread>

#include "state/lease.h"
#include "state/process_identity.h"

namespace cdc::app {

namespace {

constexpr std::chrono::milliseconds kLookEvery{500};

// Boot and process namespace come first in an identity.
std::string_view MachineOf(std::string_view identity) {
  const size_t boot = identity.find('/');
  return boot == std::string_view::npos ? "" : identity.substr(0, identity.find('/', boot + 1));
}

bool IsOfThisMachine(const std::string& identity) {
  const std::string ours = state::ProcessIdentity();
  return !identity.empty() && MachineOf(identity) == MachineOf(ours);
}

}  // namespace

const char* Name(OwnerLife life) {
  switch (life) {
    case OwnerLife::kReleased:
      return "released";
    case OwnerLife::kLiving:
      return "living";
    case OwnerLife::kSilent:
      return "silent";
    case OwnerLife::kUnknown:
      return "unknown";
  }
  return "";
}

OwnerLife LookAtOwner(const state::Owner& owner) {
  if (owner.lease_ms == 0) return OwnerLife::kReleased;
  if (state::HasEnded(owner.process)) return OwnerLife::kSilent;
  return IsOfThisMachine(owner.process) ? OwnerLife::kLiving : OwnerLife::kUnknown;
}

arrow::Result<OwnerLife> WatchOwner(store::Store& store, const state::DocumentName& name,
                                    const state::Owner& owner) {
  if (owner.lease_ms == 0) return OwnerLife::kReleased;
  state::LeaseWatch watch(store, Clock::System(), name);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const state::LeaseView view, watch.Look());
    if (view.alive) return OwnerLife::kLiving;
    if (view.free) return OwnerLife::kSilent;
    std::this_thread::sleep_for(std::min(kLookEvery, view.remaining));
  }
}

}  // namespace cdc::app

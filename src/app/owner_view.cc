#include "app/owner_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "state/lease.h"

namespace cdc::app {

namespace {

constexpr std::chrono::milliseconds kLookEvery{500};

bool IsThisHost(const std::string& host) {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && host == name.data();
}

// Process numbers are used again, so the name must be ours, too.
bool ProcessRuns(int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  return std::getline(file, name) && name.starts_with("cdc-to-s3");
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
  if (!IsThisHost(owner.host)) return OwnerLife::kUnknown;
  return ProcessRuns(owner.pid) ? OwnerLife::kLiving : OwnerLife::kSilent;
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

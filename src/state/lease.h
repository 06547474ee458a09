#pragma once

#include <arrow/result.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "state/state_file.h"
#include "store/store.h"

namespace cdc::state {

// How long others wait is a matter of courtesy, not of correctness: whoever takes over too early
// only makes the other one stop. So this needs no clock that is right, only one that runs.
struct LeaseView {
  // Nobody; or an owner that was not heard of for its lease, or that has ended on this machine.
  bool free = false;
  std::optional<Owner> owner;              // nothing: there is no document yet
  bool alive = false;                      // the document changed while we watched
  std::chrono::milliseconds remaining{0};  // until it is free if the owner stays silent
};

// Watches a document whose owner may be another program. A standby's whole work.
class LeaseWatch {
 public:
  LeaseWatch(store::Store& store, const Clock& clock, DocumentName name)
      : store_(store), clock_(clock), name_(std::move(name)) {}

  // One look; a HEAD, and a GET when the document has changed. By our own monotonic clock it must
  // have stayed the same for its lease's length before it is free.
  arrow::Result<LeaseView> Look();
  // "process 4711 on db1, since 2026-11-23T04:05:06Z"
  static std::string Describe(const Owner& owner);

 private:
  store::Store& store_;
  const Clock& clock_;
  const DocumentName name_;
  std::string version_;
  std::optional<Owner> owner_;
  std::chrono::nanoseconds seen_at_{0};
  bool changed_ = false;
};

}  // namespace cdc::state

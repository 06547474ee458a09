#include "state/lease.h"

#include <fmt/format.h>

#include "state/process_identity.h"

namespace cdc::state {

using std::chrono::milliseconds;

arrow::Result<LeaseView> LeaseWatch::Look() {
  LeaseView view;
  ARROW_ASSIGN_OR_RAISE(const auto head, store_.Head(name_.Key()));
  const auto now = clock_.MonotonicNow();
  if (!head) {
    view.free = true;
    return view;
  }
  if (!owner_ || head->version != version_) {
    ARROW_ASSIGN_OR_RAISE(const auto stored, ReadDocument(store_, name_));
    if (!stored) {
      view.free = true;
      return view;
    }
    changed_ = owner_.has_value();
    version_ = stored->version;
    owner_ = stored->document.owner;
    seen_at_ = now;
  }
  view.owner = owner_;
  view.alive = changed_;
  const auto left = milliseconds(owner_->lease_ms) - (now - seen_at_);
  view.free = left.count() <= 0 || HasEnded(owner_->process);
  view.remaining = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(left));
  return view;
}

std::string LeaseWatch::Describe(const Owner& owner) {
  return fmt::format("process {} on {}, since {}", owner.pid, owner.host, owner.since);
}

}  // namespace cdc::state

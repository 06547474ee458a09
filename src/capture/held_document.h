#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "state/state_file.h"

namespace cdc::capture {

// The document that this program owns, and the lease that tells others so. Only the thread of the
// rounds touches it.
class HeldDocument {
 public:
  explicit HeldDocument(state::OwnedDocument owned);

  const state::Document& document() const { return owned_.document(); }
  int64_t swaps() const { return swaps_; }  // so many in this run
  bool has_pending() const { return owned_.has_pending(); }
  // When the last successful swap was sent, as any thread may see it at any time: what puts are
  // signed with.
  std::shared_ptr<const std::atomic<UtcTime>> last_swap_sent() const { return last_swap_sent_; }

  // One swap with everything pending and `edits`.
  arrow::Status Swap(const state::Edits& edits = {});
  // An edit that nobody needs to wait for.
  void Note(state::Edit edit) { owned_.Note(std::move(edit)); }
  // An empty swap if others would soon think that this program is gone.
  arrow::Status KeepLease();
  arrow::Status Confirm() { return owned_.Confirm(); }
  arrow::Status Release() { return owned_.Release(); }

 private:
  state::OwnedDocument owned_;
  int64_t swaps_ = 0;
  std::shared_ptr<std::atomic<UtcTime>> last_swap_sent_;
};

}  // namespace cdc::capture

#include "capture/held_document.h"

namespace cdc::capture {

HeldDocument::HeldDocument(state::OwnedDocument owned)
    : owned_(std::move(owned)),
      last_swap_sent_(std::make_shared<std::atomic<UtcTime>>(owned_.last_swap_sent())) {}

arrow::Status HeldDocument::Swap(const state::Edits& edits) {
  ARROW_RETURN_NOT_OK(owned_.Swap(edits));
  *last_swap_sent_ = owned_.last_swap_sent();
  ++swaps_;
  return arrow::Status::OK();
}

arrow::Status HeldDocument::KeepLease() {
  return owned_.needs_renewal() ? Swap() : arrow::Status::OK();
}

}  // namespace cdc::capture

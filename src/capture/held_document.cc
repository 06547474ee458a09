#include "capture/held_document.h"

namespace cdc::capture {

arrow::Status HeldDocument::Swap(const state::Edits& edits) {
  ARROW_RETURN_NOT_OK(owned_.Swap(edits));
  ++swaps_;
  return arrow::Status::OK();
}

arrow::Status HeldDocument::KeepLease() {
  return owned_.needs_renewal() ? Swap() : arrow::Status::OK();
}

}  // namespace cdc::capture

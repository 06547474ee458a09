#include "state/edits.h"

#include <algorithm>

namespace cdc::state {

namespace {

constexpr size_t kGapsKept = 100;

}  // namespace

void MoveAnchor(Document& document, const Anchor& anchor) {
  if (document.anchor && anchor.lsn <= document.anchor->lsn) return;
  document.anchor = anchor;
}

void AddGap(Table* table, Gap gap) {
  if (table->gaps.size() >= kGapsKept) {
    const int64_t last = table->sequence();
    const auto carried = std::ranges::find_if(table->gaps, [last](const Gap& known) {
      return known.carried_by != 0 && known.carried_by < last;
    });
    if (carried != table->gaps.end()) table->gaps.erase(carried);
  }
  table->gaps.push_back(std::move(gap));
}

}  // namespace cdc::state

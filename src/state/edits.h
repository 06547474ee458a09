#pragma once

#include "state/document.h"

namespace cdc::state {

// The anchor only moves forward: it stays at or above every position.
void MoveAnchor(Document& document, const Anchor& anchor);

// Adds to a table's gaps; of those that objects carry already only the newest stay.
void AddGap(Table* table, Gap gap);

}  // namespace cdc::state

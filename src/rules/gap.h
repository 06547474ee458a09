#pragma once

#include "base/position.h"
#include "source/source.h"

// Whether change rows may be missing.
namespace cdc::rules {

// Whether rows behind `place` may be gone: MIN (change_tables.start_lsn, which cleanup moves before
// it deletes) is beyond the next possible LSN, or, inside a transaction, beyond that transaction.
bool RowsMayBeGone(const Lsn& min, const Position& place);

// Everything before what the instance holds: where a table is that has read nothing of it, and has
// missed nothing of it.
Position EndBefore(const source::CaptureInstance& instance);

}  // namespace cdc::rules

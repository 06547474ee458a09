#pragma once

#include <optional>

#include "base/position.h"
#include "source/source.h"
#include "state/document.h"

// Whether change rows may be missing, and which.
namespace cdc::rules {

// Everything after `from`, up to and including `to`; never empty.
struct Range {
  Position from;
  Position to;
  bool operator==(const Range&) const = default;
  std::string ToString() const;  // "0000… to 0000…"
};

// Whether rows behind `resume` may be gone: MIN (change_tables.start_lsn, which cleanup moves before
// it deletes) is beyond the next possible LSN, or, inside a transaction, beyond that transaction.
bool RowsMayBeGone(const Lsn& min, const Position& resume);

// Everything before what the instance holds: where a table is that has read nothing of it, and has
// missed nothing of it.
Position EndBefore(const source::CaptureInstance& instance);

// What a table at `resume` can no longer read, when it is read from this instance.
std::optional<Range> GapBefore(const source::CaptureInstance& instance, const Position& resume);

// What is lost of a table that is gone with its change rows, when another one goes on under its
// name: its rows may have been committed up to `horizon`, whenever the other one began.
std::optional<Range> GapOfGoneTable(const source::CaptureInstance& next, const Position& resume,
                                    const Lsn& horizon);

}  // namespace cdc::rules

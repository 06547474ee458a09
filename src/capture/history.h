#pragma once

#include <optional>
#include <string>

#include "base/position.h"
#include "source/source.h"
#include "state/document.h"

// Pure rules: whether rows may be missing, and whether the database is still the one that we know.
namespace cdc::capture {

// Whether rows behind `place` may be gone: MIN (change_tables.start_lsn, which cleanup moves before
// it deletes) is beyond the next possible LSN, or, inside a transaction, beyond that transaction.
bool RowsMayBeGone(const Lsn& min, const Position& place);

enum class History {
  kSame,
  kWait,     // the server is behind the anchor: a replica that lags, or nothing is known yet
  kPassed,   // retention has passed the anchor; the gap rule decides for each table
  kReplaced  // restored, or another database behind the same name: nothing may be read
};

struct HistoryVerdict {
  History history = History::kSame;
  std::string why;  // for people
};

// The anchor is an LSN that we saw with its commit time. Inside the range of cdc.lsn_time_mapping
// it must be there still, with the same time.
HistoryVerdict JudgeHistory(const std::optional<state::Anchor>& anchor,
                            const source::PollInfo& info);

}  // namespace cdc::capture

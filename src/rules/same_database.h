#pragma once

#include <optional>
#include <string>

#include "source/source.h"
#include "state/document.h"

// Whether the database is still the one that the document knows.
namespace cdc::rules {

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

// The anchor that a horizon gives.
state::Anchor AnchorOf(const source::Horizon& horizon);

}  // namespace cdc::rules

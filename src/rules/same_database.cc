#include "rules/same_database.h"

#include <fmt/format.h>

namespace cdc::rules {

HistoryVerdict JudgeHistory(const std::optional<state::Anchor>& anchor,
                            const source::PollInfo& info) {
  if (!anchor) return {};
  const std::string known =
      fmt::format("LSN {} of {}", anchor->lsn.ToString(), anchor->tran_end_time);
  if (info.anchor_time) {
    if (*info.anchor_time == anchor->tran_end_time) return {};
    return {History::kReplaced, fmt::format("{} now has the time {}", known, *info.anchor_time)};
  }
  // Cleanup may have emptied the mapping: then there is nothing new, and nothing to judge by.
  if (!info.mapping_max) return {History::kWait, ""};
  if (*info.mapping_max < anchor->lsn) {
    return {
        History::kWait,
        fmt::format(
            "the server's newest change is {}, but {} was read already: a replica that lags, or "
            "a database that was set back",
            info.mapping_max->ToString(), known)};
  }
  if (anchor->lsn < *info.mapping_min)
    return {History::kPassed, known + " is older than what retention kept"};
  return {History::kReplaced, known + " is not in cdc.lsn_time_mapping any more"};
}

state::Anchor AnchorOf(const source::Horizon& horizon) {
  return {horizon.lsn, horizon.tran_end_time};
}

}  // namespace cdc::rules

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

namespace {

// Two ids that are both told, and differ.
bool Differ(const std::string& known, const std::string& now) {
  return !known.empty() && !now.empty() && known != now;
}

}  // namespace

DatabaseVerdict JudgeDatabase(const state::Document& document,
                              const source::DatabaseIdentity& identity,
                              const source::PollInfo& info) {
  const HistoryVerdict anchor = JudgeHistory(document.anchor, info);
  const bool other_family = Differ(document.family_guid, identity.family_guid);
  const bool same_family = !other_family && !document.family_guid.empty() &&
                           document.family_guid == identity.family_guid;
  std::string changed;
  const auto compare = [&](const char* name, const std::string& known, const std::string& now) {
    if (!Differ(known, now)) return;
    changed += fmt::format("{}{} {} instead of {}", changed.empty() ? "" : ", ", name, now, known);
  };
  compare("service_broker_guid", document.database_guid, identity.guid);
  compare("family_guid", document.family_guid, identity.family_guid);
  compare("recovery_fork_guid", document.recovery_fork_guid, identity.recovery_fork_guid);
  if (anchor.history == History::kReplaced) return {anchor.history, anchor.why, ""};
  // The anchor was found, with its time: no other database has that.
  if (anchor.history == History::kSame) return {History::kSame, "", changed};
  // A replica that lags is of the same fork; a database that was set back is not.
  if (anchor.history == History::kWait &&
      Differ(document.recovery_fork_guid, identity.recovery_fork_guid)) {
    return {History::kReplaced, "it was restored (" + changed + "), and " + anchor.why, ""};
  }
  // It was not: then only the same family of backups tells that this is the database still.
  if (!changed.empty() && !same_family) {
    return {History::kReplaced,
            fmt::format("database {} on {} is another one than the state document knows ({})",
                        identity.name, identity.server_name, changed),
            ""};
  }
  return {anchor.history, anchor.why, changed};
}

bool KeepsObjectIds(const state::Document& document, const source::DatabaseIdentity& identity) {
  if (!document.family_guid.empty() && !identity.family_guid.empty()) {
    return document.family_guid == identity.family_guid;
  }
  return !Differ(document.database_guid, identity.guid);
}

state::TakeIdentity IdentityOf(const state::Document& document,
                               const source::DatabaseIdentity& identity) {
  const auto newest = [](const std::string& known, const std::string& now) {
    return now.empty() ? known : now;
  };
  return {newest(document.database_guid, identity.guid),
          newest(document.family_guid, identity.family_guid),
          newest(document.recovery_fork_guid, identity.recovery_fork_guid)};
}

bool DiffersFrom(const state::Document& document, const state::TakeIdentity& identity) {
  return document.database_guid != identity.database_guid ||
         document.family_guid != identity.family_guid ||
         document.recovery_fork_guid != identity.recovery_fork_guid;
}

std::string AdviceForReplaced(const state::Document& document, const source::PollInfo& info) {
  // Rows up to complete_through are in objects; where the server is behind that, its next changes
  // are all new.
  const bool behind = info.horizon && info.horizon->lsn < document.complete_through;
  const std::string start =
      behind || document.complete_through.is_zero() ? "now" : document.complete_through.ToString();
  return fmt::format(
      "Point the program at the right server; or, if it was restored or replaced on purpose, begin "
      "a new history behind what was delivered: cdc-to-s3 adopt --new-history --start {} --yes{}; "
      "or give this database another [target] url",
      start,
      start == "now" ? " (what was changed since the restore and is captured already is left out; "
                       "a time takes it in)"
                     : "");
}

state::Anchor AnchorOf(const source::Horizon& horizon) {
  return {horizon.lsn, horizon.tran_end_time};
}

}  // namespace cdc::rules

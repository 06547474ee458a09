#include "capture/capture.h"

#include <algorithm>

#include "base/events.h"
#include "base/utc_text.h"
#include "capture/column_memory.h"
#include "capture/delivery.h"
#include "capture/folders.h"
#include "capture/gaps.h"
#include "capture/groups.h"
#include "capture/new_tables.h"
#include "capture/recovery.h"
#include "rules/gap.h"
#include "rules/same_database.h"
#include "rules/selection.h"
#include "rules/table_identity.h"
#include "state/edits.h"

namespace cdc::capture {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using source::Horizon;
using source::PollInfo;

Result<RoundReport> Capture::Round(const RoundLimits& limits) {
  round_ = {};
  for (auto& [name, runtime] : context_.known.all()) runtime.rows = runtime.objects = 0;
  auto report = Steps(limits, context_.with.clock.MonotonicNow());
  // What workers still do for a round that has failed is of no use any more.
  if (!report.ok()) context_.work.Abandon();
  return report;
}

Result<RoundReport> Capture::Steps(const RoundLimits& limits, std::chrono::nanoseconds started) {
  // INVARIANT: Before anything is read: do the folders hold what the document says?
  ARROW_RETURN_NOT_OK(CheckFolders(context_));
  const auto& anchor = context_.document().anchor;
  ARROW_ASSIGN_OR_RAISE(const PollInfo info, context_.work.Ask<PollInfo>([&] {
    return context_.with.source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt);
  }));
  context_.captured = info.instances;
  bool wait = false;
  ARROW_RETURN_NOT_OK(JudgeDatabase(info, &wait));
  if (wait) {
    Publish(info, started, /*ended=*/true);
    RoundReport report = Report();
    report.captured_tables = std::ssize(info.instances);
    return report;
  }
  Horizon horizon = *info.horizon;
  if (limits.up_to && limits.up_to->lsn < horizon.lsn) horizon = *limits.up_to;
  Publish(info, started, /*ended=*/false);
  NoteNames(info);
  TellIdlePatterns(info);
  ARROW_RETURN_NOT_OK(LeaveOut());
  // Nothing is judged beyond what this round reads: that is what the workers' connections must have
  // seen.
  PollInfo seen = info;
  seen.horizon = horizon;
  PollInfo without_namesakes = seen;  // the entries of those names say what is to become of them
  without_namesakes.instances = rules::WithoutNamesakes(context_.document(), info.instances);
  ARROW_RETURN_NOT_OK(AddNewTables(context_, without_namesakes));
  ARROW_RETURN_NOT_OK(ChooseInstances(seen));
  // But what was claimed may lie beyond. What the store failed to take before comes last: it may
  // hang on it again, and the other tables do not wait for that.
  const std::map<std::string, Reading> held_up = TakeHeldUp();
  ARROW_RETURN_NOT_OK(RecoverClaims(context_, round_.readable, info.horizon->lsn));
  std::erase_if(round_.readable, [this](const auto& entry) {
    round_.more = round_.more || entry.second.claim_only;
    return entry.second.claim_only || context_.known[entry.first].unconfirmed;
  });
  ARROW_RETURN_NOT_OK(RememberColumns(context_, &round_.readable));
  ARROW_RETURN_NOT_OK(FindWork(horizon, limits.wait_for_age));
  ARROW_RETURN_NOT_OK(Deliver(horizon, started + limits.turns));
  ARROW_RETURN_NOT_OK(RecoverClaims(context_, held_up, info.horizon->lsn));
  round_.more = round_.more || std::ranges::any_of(held_up, [this](const auto& entry) {
                  return !context_.known[entry.first].unconfirmed;
                });
  ARROW_RETURN_NOT_OK(CloseRound(horizon));
  PublishTables();
  Publish(info, started, /*ended=*/true);
  RoundReport report = Report();
  report.captured_tables = std::ssize(info.instances);
  report.horizon = horizon;
  return report;
}

Status Capture::Finish() { return context_.held.Release(); }

// Restored or replaced: then nothing may be read. Behind what is known: then it waits.
Status Capture::JudgeDatabase(const PollInfo& info, bool* wait) {
  ARROW_ASSIGN_OR_RAISE(context_.identity, context_.work.Ask<source::DatabaseIdentity>(
                                               [&] { return context_.with.source.Identify(); }));
  const source::DatabaseIdentity& now = context_.identity;
  const state::Document& document = context_.document();
  const auto verdict = rules::JudgeDatabase(document, now, info);
  if (verdict.history == rules::History::kReplaced) {
    return StopsEverything("the database was restored or replaced: " + verdict.why +
                           ". Nothing was read. " + rules::AdviceForReplaced(document, info));
  }
  *wait = verdict.history == rules::History::kWait || !info.horizon;
  if (*wait) {
    if (!verdict.why.empty()) LogEvent(Level::kWarn, "server_lags", {{"why", verdict.why}});
    round_.try_again = !verdict.why.empty();
    return Status::OK();
  }
  if (!verdict.changed.empty()) {
    LogEvent(Level::kWarn, "database_guid_changed",
             {{"database", now.name},
              {"what", verdict.changed},
              {"why", "its newest known change is there, with its time: it is the same database"}});
  }
  const state::TakeIdentity taken = rules::IdentityOf(document, now);
  if (rules::DiffersFrom(document, taken)) context_.held.Note(taken);
  return Status::OK();
}

// What tables are called today. Settings, folder and messages go on with the entry's name.
void Capture::NoteNames(const PollInfo& info) {
  for (const auto& [name, table] : context_.document().tables) {
    const std::string today = rules::NameKnown(table, info.instances);
    if (today == table.name_today) continue;
    // A name that went over to another table tells nothing of this one.
    if (rules::NameToday(table, info.instances)) {
      LogEvent(Level::kWarn, "table_renamed",
               {{"table", name},
                {"name_today", today.empty() ? name : today},
                {"why", "settings, folder and messages go on with the name that it had first"}});
    }
    context_.held.Note(state::NoteName{name, today});
  }
}

// A pattern that selects or leaves out no captured table is probably misspelt. Each is told once.
void Capture::TellIdlePatterns(const PollInfo& info) {
  const auto look = [&](const char* setting, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      const std::string why = rules::WhyIdle(pattern, context_.document(), info.instances);
      if (why.empty() || !idle_patterns_.insert(setting + pattern).second) continue;
      LogEvent(Level::kWarn, "pattern_matches_nothing",
               {{"setting", setting}, {"pattern", pattern}, {"why", why}});
    }
  };
  look("tables", context_.options.tables);
  look("exclude", context_.options.exclude);
}

// Tables that no setting selects any more leave the consistent cut; they keep their resume position in the document, and
// go on from there when they are selected again. One that is selected by its present name only is
// told: nobody must think that it is delivered.
Status Capture::LeaveOut() {
  std::vector<std::string> names;
  for (const auto& [name, table] : context_.document().tables) {
    if (!context_.selects(table)) names.push_back(name);
  }
  for (const std::string& name : names) {
    const state::Table& table = context_.table(name);
    const std::string why = rules::WhySelectedInVain(context_.selection, table);
    if (!why.empty()) {
      if (!context_.known.IsResting(name)) {
        ARROW_RETURN_NOT_OK(context_.known.StopTable(name, StopsTable(why)));
      }
    } else {
      context_.known[name].trouble = Trouble::kNone;
      context_.known[name].why.clear();
      context_.known.Publish(name, progress::Condition::kLeftOut);
    }
    if (!table.in_cut && (table.stopped.empty() || !why.empty())) continue;
    LogEvent(Level::kInfo, "table_left_out", {{"table", name}, {"why", "no setting selects it"}});
    const std::string stopped = table.stopped, since = table.stopped_since;
    context_.held.Note(state::LeaveOut{name});
    if (!why.empty()) context_.held.Note(state::StopTable{name, stopped, since});
  }
  return Status::OK();
}

Status Capture::ChooseInstances(const PollInfo& info) {
  std::vector<std::string> names;
  for (const auto& [name, table] : context_.document().tables) {
    if (context_.selects(table)) names.push_back(name);
  }
  for (const std::string& name : names) {
    if (context_.known.IsResting(name) || context_.known[name].life == Life::kUnseen) continue;
    if (const Status may = CheckFollower(context_, name, info); !may.ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, may));
      continue;
    }
    const int64_t source_object_id = context_.table(name).source_object_id;
    auto reading = ChooseReading(context_, name, info);
    if (reading.ok() && context_.table(name).source_object_id != source_object_id) {
      BeginToFollow(name);
    } else if (reading.ok()) {
      round_.readable.emplace(name, std::move(*reading));
    } else {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, reading.status()));
    }
  }
  return Status::OK();
}

// Out of the tables that may be read.
std::map<std::string, Reading> Capture::TakeHeldUp() {
  std::map<std::string, Reading> held_up;
  for (auto entry = round_.readable.begin(); entry != round_.readable.end();) {
    const TableRuntime& runtime = context_.known[entry->first];
    const bool failed =
        runtime.unconfirmed && runtime.trouble == Trouble::kRetrying && runtime.retries > 0;
    if (failed) held_up.insert(*entry);
    entry = failed ? round_.readable.erase(entry) : std::next(entry);
  }
  return held_up;
}

Status Capture::FindWork(const Horizon& horizon, bool wait_for_age) {
  std::vector<std::string> probed;
  std::vector<source::Source::Probe> probes;
  for (auto entry = round_.readable.begin(); entry != round_.readable.end();) {
    const auto& [name, reading] = *entry;
    const Status judged = JudgeGap(context_, name, reading.instance, horizon);
    if (!judged.ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, judged));
      entry = round_.readable.erase(entry);
      continue;
    }
    const Position resume = context_.document().ResumePosition(context_.table(name));
    if (resume.inside_transaction() || reading.through) {
      round_.changed.push_back(name);
    } else if (resume.lsn() >= horizon.lsn) {
      round_.complete.insert(name);  // nothing can be beyond: no verdict that needs another look
    } else {
      probed.push_back(name);
      probes.push_back({reading.instance, resume.lsn()});
    }
    ++entry;
  }
  if (probes.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto answers, context_.work.Ask<std::vector<Result<bool>>>([&] {
    return context_.with.source.HaveRows(probes, horizon.lsn);
  }));
  for (size_t i = 0; i < probed.size(); ++i) {
    const std::string& name = probed[i];
    if (!answers[i].ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, answers[i].status()));
      continue;
    }
    if (!*answers[i]) {
      round_.empty.insert(name);
      continue;
    }
    const Result<bool> waits = wait_for_age ? StillWaits(name) : Result<bool>(false);
    if (!waits.ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, waits.status()));
    } else if (*waits) {
      round_.waiting.insert(name);
      context_.known.Publish(name, progress::Condition::kWaiting);
    } else {
      round_.changed.push_back(name);
    }
  }
  return Status::OK();
}

// Small tables: changes wait in the change table until they are old enough or fill an object. Their
// age counts from when they were first seen, which is at most an interval after their commit.
Result<bool> Capture::StillWaits(const std::string& name) {
  if (context_.options.object_age.count() == 0) return false;
  auto& since = context_.known[name].waiting_since;
  const auto now = context_.with.clock.MonotonicNow();
  if (!since) since = now;
  if (now - *since >= context_.options.object_age) return false;
  const auto& reading = round_.readable.at(name);
  const Position resume = context_.document().ResumePosition(context_.table(name));
  ARROW_ASSIGN_OR_RAISE(const int64_t rows, context_.work.Ask<int64_t>([&] {
    return context_.with.source.CountRows({reading.instance, resume.lsn()},
                                          context_.options.limits.max_rows);
  }));
  return rows < context_.options.limits.max_rows;
}

Status Capture::Deliver(const Horizon& horizon, std::chrono::nanoseconds deadline) {
  if (round_.changed.empty()) return Status::OK();
  Delivery delivery(context_, horizon, deadline);
  for (const std::string& name : round_.changed) {
    delivery.Add(name, round_.readable.at(name));
    context_.known.Publish(name, progress::Condition::kBehind);
  }
  ARROW_RETURN_NOT_OK(delivery.Run());
  using Outcome = Delivery::Outcome;
  for (const std::string& name : round_.changed) {
    const Outcome outcome = delivery.outcome(name);
    const auto& through = round_.readable.at(name).through;
    const bool read_through = outcome == Outcome::kDelivered || outcome == Outcome::kNothing;
    if (outcome == Outcome::kMore || (read_through && through)) round_.more = true;
    if (read_through && through) {  // the newer instance goes on from here
      context_.held.Note(state::NoteEmpty{name, *through});
    } else if (outcome == Outcome::kDelivered) {
      round_.complete.insert(name);
    } else if (outcome == Outcome::kNothing &&
               context_.document().ResumePosition(context_.table(name)).inside_transaction()) {
      round_.empty.insert(name);  // the rest of a transaction that had no rest
    } else if (outcome == Outcome::kNothing || outcome == Outcome::kNotShown) {
      // The server said that there are rows, and then gave none: one of the two answers is wrong.
      round_.try_again = true;
      LogEvent(Level::kWarn, "rows_not_shown",
               {{"table", name}, {"why", "the server has rows but gave none; asking again"}});
    } else if (outcome == Outcome::kOvertaken) {
      round_.try_again = true;
    }
    const TableRuntime& runtime = context_.known[name];
    if (runtime.objects == 0) continue;
    LogEvent(Level::kInfo, "delivered",
             {{"table", name},
              {"objects", runtime.objects},
              {"rows", runtime.rows},
              {"through", context_.table(name).position.ToString()},
              {"last", context_.table(name).claim ? context_.table(name).claim->key : ""}});
  }
  return Status::OK();
}

Status Capture::CloseRound(const Horizon& horizon) {
  if (!round_.empty.empty()) {
    // An empty verdict counts only if nothing was cleaned away before we looked.
    ARROW_ASSIGN_OR_RAISE(const auto instances,
                          context_.work.Ask<std::vector<CaptureInstance>>(
                              [&] { return context_.with.source.Recheck(horizon.lsn); }));
    std::map<int64_t, const CaptureInstance*> by_id;
    for (const CaptureInstance& instance : instances) {
      by_id[instance.change_table_object_id] = &instance;
    }
    for (const std::string& name : round_.empty) {
      const CaptureInstance& known = round_.readable.at(name).instance;
      const auto now = by_id.find(known.change_table_object_id);
      if (now == by_id.end() || now->second->source_object_id != known.source_object_id) continue;
      const Position resume = context_.document().ResumePosition(context_.table(name));
      if (rules::RowsMayBeGone(now->second->start_lsn, resume)) continue;
      round_.complete.insert(name);
      context_.known[name].waiting_since.reset();
    }
    if (!std::includes(round_.complete.begin(), round_.complete.end(), round_.empty.begin(),
                       round_.empty.end()))
      round_.try_again = true;
  }
  for (const std::string& name : round_.complete) context_.known.ResumeTable(name);
  ARROW_RETURN_NOT_OK(FollowTables(horizon));

  state::Edits edits = {state::CloseRound{round_.complete, horizon.lsn}};
  if (!round_.complete.empty()) edits.emplace_back(state::MoveAnchor{rules::AnchorOf(horizon)});
  if (!context_.held.has_pending()) {
    state::Document next = context_.document();
    for (const state::Edit& edit : edits) state::Apply(edit, &next);
    if (next == context_.document()) return Status::OK();
  }
  return context_.held.Swap(edits);
}

// What the earlier tables of these names had is delivered.
Status Capture::FollowTables(const Horizon& horizon) {
  for (const auto& [name, reading] : round_.readable) {
    if (!reading.follower || !round_.complete.contains(name)) continue;
    const auto& claim = context_.table(name).claim;
    if (claim && !claim->confirmed) continue;
    round_.complete.erase(name);  // of the table that goes on nothing is known yet
    round_.more = true;
    const Status followed = FollowTable(context_, name, *reading.follower, std::nullopt, horizon);
    if (!followed.ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, followed));
    } else {
      BeginToFollow(name);
    }
  }
  return Status::OK();
}

// INVARIANT: The entry has another source table now; nothing of that is read before the next round
// has asked whether another document has entered it meanwhile.
void Capture::BeginToFollow(const std::string& name) {
  context_.known[name].life = Life::kSeen;
  round_.more = true;
}

void Capture::Publish(const PollInfo& info, std::chrono::nanoseconds started, bool ended) {
  progress::RoundFacts round;
  round.at = context_.with.clock.UtcNow();
  if (info.horizon) {
    round.horizon = info.horizon->lsn;
    const auto local = ParseUtc(info.horizon->tran_end_time + "Z");
    if (local.ok()) round.horizon_time = *local - std::chrono::minutes(info.server_offset_minutes);
  }
  round.complete_through = context_.document().complete_through;
  round.held_back = std::ssize(context_.document().held_back_by);
  round.tables = std::ssize(context_.document().tables);
  round.changed = std::ssize(round_.changed);
  round.swaps = context_.held.swaps();
  round.ended = ended;
  round.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      context_.with.clock.MonotonicNow() - started);
  context_.with.observer.OnRound(round);
}

void Capture::PublishTables() {
  for (const auto& [name, table] : context_.document().tables) {
    if (!context_.selects(table)) continue;
    const TableRuntime& runtime = context_.known[name];
    progress::Condition condition = progress::Condition::kBehind;
    if (runtime.trouble != Trouble::kNone) {
      condition = runtime.trouble == Trouble::kRetrying ? progress::Condition::kRetrying
                                                        : progress::Condition::kStopped;
    } else if (round_.complete.contains(name)) {
      condition = progress::Condition::kComplete;
    } else if (round_.waiting.contains(name)) {
      condition = progress::Condition::kWaiting;
    }
    context_.known.Publish(name, condition);
  }
}

RoundReport Capture::Report() const {
  RoundReport report;
  report.try_again = round_.try_again;
  report.more = round_.more;
  for (const auto& [name, runtime] : context_.known.all()) {
    report.objects += runtime.objects;
    report.rows += runtime.rows;
    if (runtime.trouble == Trouble::kRetrying) report.try_again = true;
    if (runtime.trouble == Trouble::kStopped) report.stopped.emplace_back(name, runtime.why);
  }
  return report;
}

}  // namespace cdc::capture

#include "capture/capture.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/events.h"
#include "base/random.h"
#include "base/utc_text.h"
#include "capture/delivery.h"
#include "capture/folders.h"
#include "capture/history.h"
#include "capture/instances.h"
#include "capture/recovery.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using source::Horizon;
using source::PollInfo;

// A first document must not be begun over objects of an earlier one.
Status RefuseForgottenObjects(const Options& options, source::Source& source, store::Store& data) {
  ARROW_ASSIGN_OR_RAISE(const PollInfo info, source.Poll(std::nullopt));
  for (const CaptureInstance& instance : info.instances) {
    if (instance.table.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto names, TableNames::Make(options.path, options.database,
                                                             instance.schema, instance.table));
    Status checked =
        UnlessListingIsOptional(options, CheckFolder(data, names, "", instance.QualifiedName()));
    if (IsStopsEverything(checked)) return checked;
    if (!checked.ok() && store::KindOf(checked) != store::ErrorKind::kPermanent) return checked;
  }
  return Status::OK();
}

Status RefuseOtherDatabase(const state::Document& document,
                           const source::DatabaseIdentity& identity) {
  if (document.database_guid.empty() || identity.guid.empty()) return Status::OK();
  if (document.database_guid == identity.guid) return Status::OK();
  return StopsEverything(fmt::format(
      "database {} on {} is another one than the state document knows (service_broker_guid {} "
      "instead of "
      "{}). Nothing was read. Point the program at the right server, or give this database another "
      "[target] url",
      identity.name, identity.server_name, identity.guid, document.database_guid));
}

}  // namespace

Result<std::unique_ptr<Capture>> Capture::Start(const Options& options, source::Source& source,
                                                store::Store& data, store::Store& state_store,
                                                const Clock& clock, const std::atomic<bool>& stop) {
  ARROW_ASSIGN_OR_RAISE(const auto identity, source.Identify());
  ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(state_store, options.document()));
  if (stored) {
    ARROW_RETURN_NOT_OK(RefuseOtherDatabase(stored->document, identity));
  } else {
    const arrow::Status forgotten = RefuseForgottenObjects(options, source, data);
    if (IsStopsEverything(forgotten)) {
      // Unless another copy has begun the document meanwhile, and the objects are its own.
      ARROW_ASSIGN_OR_RAISE(const auto begun, state::ReadDocument(state_store, options.document()));
      if (begun) return state::OwnershipLost("another copy has just begun the state document");
    }
    ARROW_RETURN_NOT_OK(forgotten);
  }
  state::Document fresh;
  fresh.database = options.database;
  fresh.group = options.group;
  fresh.database_guid = identity.guid;
  fresh.history_id = RandomHex(16);
  ARROW_ASSIGN_OR_RAISE(
      auto owned, state::OwnedDocument::TakeOver(state_store, clock, stored, fresh, options.lease));
  LogEvent(Level::kInfo, "took_over",
           {{"database", options.database},
            {"tables", owned.document().tables.size()},
            {"owner", owned.document().owner.id},
            {"previous_owner", stored ? stored->document.owner.id : "none"}});
  auto capture = std::unique_ptr<Capture>(
      new Capture(Context{options, source, data, std::move(owned), clock, stop, {}, {}}));
  for (const auto& [name, table] : capture->document().tables) {
    capture->context_.runtime[name].unconfirmed = table.claim && !table.claim->confirmed;
  }
  return capture;
}

Result<RoundReport> Capture::Round() {
  readable_.clear();
  changed_.clear();
  empty_.clear();
  complete_.clear();
  try_again_ = false;
  for (auto& [name, runtime] : context_.runtime) runtime.rows = runtime.objects = 0;

  // ★ Before anything is read: do the folders hold what the document says?
  ARROW_RETURN_NOT_OK(CheckFolders());
  const auto& anchor = context_.document().anchor;
  ARROW_ASSIGN_OR_RAISE(const PollInfo info,
                        context_.source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt));
  const HistoryVerdict verdict = JudgeHistory(anchor, info);
  if (verdict.history == History::kReplaced) {
    return StopsEverything(
        "the database was restored or replaced: " + verdict.why +
        ". Nothing was read. If it is meant to be so, give the database another [target] "
        "url, or move its objects and its state document away, and start again");
  }
  if (verdict.history == History::kWait || !info.horizon) {
    if (!verdict.why.empty()) LogEvent(Level::kWarn, "server_lags", {{"why", verdict.why}});
    try_again_ = !verdict.why.empty();
    return Report();
  }
  ARROW_RETURN_NOT_OK(AddNewTables(info));
  ARROW_RETURN_NOT_OK(SettleClaims(info));
  ARROW_RETURN_NOT_OK(FindWork(info));
  ARROW_RETURN_NOT_OK(Deliver(*info.horizon));
  ARROW_RETURN_NOT_OK(CloseRound(*info.horizon));
  return Report();
}

Status Capture::Finish() {
  if (context_.pending.empty()) return Status::OK();
  return context_.Swap([](state::Document&) {});
}

bool Capture::IsResting(const std::string& name) const {
  const auto runtime = context_.runtime.find(name);
  return runtime != context_.runtime.end() && !runtime->second.trouble.empty() &&
         context_.clock.MonotonicNow() < runtime->second.retry_at;
}

Status Capture::CheckFolders() {
  for (const auto& [name, table] : context_.document().tables) {
    if (context_.runtime[name].folder_checked || IsResting(name)) continue;
    ARROW_ASSIGN_OR_RAISE(const TableNames names, context_.NamesOf(table));
    Status checked = Status::OK();
    if (names.folder() != table.folder) {
      checked = StopsTable("[target] path now gives the folder " + names.folder() +
                           ", but the table's objects are in " + table.folder +
                           ". Put the setting back; a table's folder never changes");
    } else {
      checked = UnlessListingIsOptional(
          context_.options,
          CheckFolder(context_.data, names, table.claim ? table.claim->key : "", name));
    }
    // An object that our document does not know may be the work of a copy that took over from us.
    if (IsStopsEverything(checked)) ARROW_RETURN_NOT_OK(context_.owned.Confirm());
    context_.runtime[name].folder_checked = checked.ok();
    if (!checked.ok()) ARROW_RETURN_NOT_OK(context_.TableTrouble(name, checked));
  }
  return Status::OK();
}

Status Capture::SettleClaims(const PollInfo& info) {
  std::vector<std::string> names;
  for (const auto& [name, table] : context_.document().tables) names.push_back(name);
  for (const std::string& name : names) {
    if (IsResting(name) || !context_.runtime[name].folder_checked) continue;
    const auto instance = ChooseInstance(context_, name, info);
    Status settled = instance.status();
    if (settled.ok() && context_.runtime[name].unconfirmed) {
      settled = RecoverClaim(context_, name, *instance);
    }
    if (!settled.ok()) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, settled));
      continue;
    }
    readable_.emplace(name, *instance);
  }
  return Status::OK();
}

Status Capture::JudgeGap(const std::string& name, const CaptureInstance& instance,
                         const Horizon& horizon) {
  const Position place = context_.document().PlaceOf(context_.table(name));
  if (!RowsMayBeGone(instance.start_lsn, place)) return Status::OK();
  const Position end = Position::After(instance.start_lsn.Previous());
  const std::string range = place.ToString() + " to " + end.ToString();
  if (context_.options.on_gap == OnGap::kStop || instance.start_lsn.Previous() > horizon.lsn) {
    return StopsTable(
        "gap: changes from " + range +
        " can no longer be read; retention (cleanup) passed this table's place. What was lost "
        "cannot be brought back from CDC. To go on behind the gap, run once with on_gap = "
        "\"continue\"; the gap is then recorded in the state and in the next object's footer. "
        "To prevent the next one, lengthen retention: EXEC sys.sp_cdc_change_job @job_type = "
        "N'cleanup', @retention = <minutes>");
  }
  LogEvent(Level::kError, "gap_accepted", {{"table", name}, {"range", range}});
  const std::string now = FormatUtc(context_.clock.UtcNow());
  return context_.Swap([&](state::Document& document) {
    state::Table& table = document.tables.at(name);
    table.gaps.push_back({place, end, now, 0});
    table.position = end;
    MoveAnchor(document, horizon);
  });
}

Status Capture::FindWork(const PollInfo& info) {
  std::vector<std::string> probed;
  std::vector<source::Source::Probe> probes;
  for (auto entry = readable_.begin(); entry != readable_.end();) {
    const auto& [name, instance] = *entry;
    if (const Status judged = JudgeGap(name, instance, *info.horizon); !judged.ok()) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, judged));
      entry = readable_.erase(entry);
      continue;
    }
    const Position place = context_.document().PlaceOf(context_.table(name));
    if (place.inside_transaction()) {
      changed_.push_back(name);
    } else if (place.lsn() >= info.horizon->lsn) {
      empty_.insert(name);
    } else {
      probed.push_back(name);
      probes.push_back({instance, place.lsn()});
    }
    ++entry;
  }
  if (probes.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto answers, context_.source.HaveRows(probes, info.horizon->lsn));
  for (size_t i = 0; i < probed.size(); ++i) {
    if (!answers[i].ok()) {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(probed[i], answers[i].status()));
    } else if (*answers[i]) {
      changed_.push_back(probed[i]);
    } else {
      empty_.insert(probed[i]);
    }
  }
  return Status::OK();
}

Status Capture::Deliver(const Horizon& horizon) {
  Delivery delivery(context_, horizon);
  std::set<std::string> read_through;
  for (const std::string& name : changed_) {
    if (context_.stop) return Status::Cancelled("stopped");
    const Status delivered = delivery.Table(name, readable_.at(name));
    if (delivered.ok()) {
      read_through.insert(name);
    } else {
      ARROW_RETURN_NOT_OK(context_.TableTrouble(name, delivered));
    }
  }
  ARROW_RETURN_NOT_OK(delivery.Flush());
  for (const std::string& name : read_through) {
    if (delivery.overtaken().contains(name) || context_.runtime[name].unconfirmed) {
      try_again_ = true;
    } else if (!delivery.delivered().contains(name)) {
      if (context_.document().PlaceOf(context_.table(name)).inside_transaction()) {
        empty_.insert(name);  // the rest of a transaction that had no rest
        continue;
      }
      // The server said that there are rows, and then gave none: one of the two answers is wrong.
      try_again_ = true;
      LogEvent(Level::kWarn, "rows_not_shown",
               {{"table", name}, {"why", "the server has rows but gave none; asking again"}});
    } else {
      complete_.insert(name);
    }
    if (complete_.contains(name)) {
      LogEvent(Level::kInfo, "delivered",
               {{"table", name},
                {"objects", context_.runtime[name].objects},
                {"rows", context_.runtime[name].rows},
                {"through", horizon.lsn.ToString()},
                {"last", context_.table(name).claim ? context_.table(name).claim->key : ""}});
    }
  }
  return Status::OK();
}

Status Capture::CloseRound(const Horizon& horizon) {
  if (!empty_.empty()) {
    // An empty verdict counts only if nothing was cleaned away before we looked.
    ARROW_ASSIGN_OR_RAISE(const auto instances, context_.source.Recheck(horizon.lsn));
    for (const std::string& name : empty_) {
      const CaptureInstance& known = readable_.at(name);
      const auto now = std::ranges::find_if(instances, [&](const CaptureInstance& instance) {
        return instance.change_table_object_id == known.change_table_object_id &&
               instance.source_object_id == known.source_object_id;
      });
      if (now == instances.end()) continue;
      const Position place = context_.document().PlaceOf(context_.table(name));
      if (!RowsMayBeGone(now->start_lsn, place)) complete_.insert(name);
    }
    if (!std::includes(complete_.begin(), complete_.end(), empty_.begin(), empty_.end()))
      try_again_ = true;
  }
  for (const std::string& name : complete_) context_.TableFine(name);

  const auto close = [&](state::Document& document) {
    document.held_back_by.clear();
    for (const auto& [name, table] : document.tables) {
      if (table.in_cut && !complete_.contains(name)) document.held_back_by.push_back(name);
    }
    const bool whole = document.held_back_by.empty() && !complete_.empty();
    if (whole) document.complete_through = std::max(document.complete_through, horizon.lsn);
    for (const std::string& name : complete_) {
      state::Table& table = document.tables.at(name);
      if (whole) {
        table.in_cut = true;
        table.empty_through = Lsn{};
      } else {
        table.empty_through = std::max(table.empty_through, horizon.lsn);
      }
    }
    if (!complete_.empty()) MoveAnchor(document, horizon);
  };
  state::Document next = context_.document();
  close(next);
  if (next == context_.document() && context_.pending.empty()) return Status::OK();
  return context_.Swap(close);
}

RoundReport Capture::Report() const {
  RoundReport report;
  report.try_again = try_again_;
  for (const auto& [name, runtime] : context_.runtime) {
    report.objects += runtime.objects;
    report.rows += runtime.rows;
    if (runtime.trouble.empty()) continue;
    if (runtime.transient) {
      report.try_again = true;
    } else {
      report.stopped.emplace_back(name, runtime.trouble);
    }
  }
  return report;
}

}  // namespace cdc::capture

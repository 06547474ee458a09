#include "repair/accept_gap.h"

#include <algorithm>

#include "base/row_checksum.h"
#include "base/utc_text.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"
#include "rules/gap.h"
#include "rules/same_database.h"
#include "state/edits.h"

// A round judges gaps when it meets them, one table at a time, and stops there; here all of them
// are judged at once, and nothing is read but claimed windows.

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using Kind = OpenGap::Kind;

constexpr int64_t kRowsPerBatch = 1'024;
constexpr int kTakeOversMax = 5;  // a busy owner may swap between our look and our swap
// Reading claimed windows again may take a while, and a standby must not come in between.
constexpr std::chrono::minutes kLease{10};

// What a table can be read from now.
struct Choice {
  const CaptureInstance* instance = nullptr;
  bool is_named = false;  // the one that the document names
};

Choice Choose(const state::Table& table, const source::PollInfo& info) {
  Choice choice;
  for (const CaptureInstance& instance : info.instances) {
    if (instance.name == table.capture_instance &&
        instance.change_table_object_id == table.change_table_object_id &&
        instance.source_object_id == table.source_object_id) {
      return {&instance, true};
    }
    if (instance.schema != table.schema || instance.table != table.name) continue;
    if (choice.instance == nullptr || instance.start_lsn < choice.instance->start_lsn) {
      choice.instance = &instance;
    }
  }
  return choice;
}

// Everything before what the instance holds.
Position EndBefore(const CaptureInstance& instance) {
  return Position::After(instance.start_lsn.Previous());
}

class Judge {
 public:
  Judge(const rules::Settings& options, source::Source& source, store::Store& data,
        const state::Document& document, const source::PollInfo& info)
      : options_(options), source_(source), data_(data), document_(document), info_(info) {}

  Status Table(const std::string& name) {
    const state::Table& table = document_.tables.at(name);
    const Choice choice = Choose(table, info_);
    if (choice.instance == nullptr) {
      return Status::Invalid("its capture instance ", table.capture_instance,
                             " is gone and there is no other one. What helps: EXEC "
                             "sys.sp_cdc_enable_table for ",
                             name, "; what lies between is then a gap to be accepted");
    }
    const CaptureInstance& instance = *choice.instance;
    if (instance.start_lsn.is_zero() || instance.start_lsn.Previous() > info_.horizon->lsn) {
      return Status::Invalid("the capture process has not reached capture instance ", instance.name,
                             " yet: try again when it has captured a change");
    }
    ARROW_RETURN_NOT_OK(Claimed(table, instance));
    const Position place = document_.PlaceOf(table);
    const bool gone = rules::RowsMayBeGone(instance.start_lsn, place);
    if (choice.is_named && gone) {
      Add({name, Kind::kRetention, place, EndBefore(instance),
           "retention (cleanup) passed this table's place", std::nullopt});
    } else if (!choice.is_named && (gone || instance.source_object_id != table.source_object_id)) {
      Add({name, Kind::kNewInstance, place, std::max(place, EndBefore(instance)),
           "capture instance " + table.capture_instance +
               " or the table was dropped and made anew; " + instance.name + " holds what follows",
           instance});
    }
    return Status::OK();
  }

  GapReport report;

 private:
  void Add(OpenGap gap) { report.gaps.push_back(std::move(gap)); }

  // Count and checksum decide whether a claimed window lost rows, not MIN.
  Status Claimed(const state::Table& table, const CaptureInstance& instance) {
    if (!table.claim || table.claim->confirmed || table.claim->incomplete) return Status::OK();
    const state::Claim& claim = *table.claim;
    ARROW_ASSIGN_OR_RAISE(const bool there, IsThere(claim));
    if (there) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const RowChecksum left, ReadAgain(claim, instance));
    if (left.rows() == claim.rows && left.ToString() == claim.checksum) return Status::OK();
    if (left.rows() >= claim.rows) {
      return Status::Invalid("its rows between ", claim.from.ToString(), " and ",
                             claim.to.ToString(),
                             " are not the ones that were claimed: this is another history of the "
                             "database, see cdc-to-s3 adopt --help");
    }
    Add({table.QualifiedName(), Kind::kClaim, claim.from, claim.to,
         "of " + std::to_string(claim.rows) + " rows claimed for " + claim.key + " only " +
             std::to_string(left.rows()) + " can still be read",
         std::nullopt});
    return Status::OK();
  }

  Result<bool> IsThere(const state::Claim& claim) {
    const auto found = pq::IdentifyObject(data_, claim.key);
    // With local state the target may forbid looking; then it counts as missing, as in a run.
    if (!options_.conditional_puts && store::KindOf(found.status()) == store::ErrorKind::kDenied) {
      return false;
    }
    ARROW_RETURN_NOT_OK(found.status());
    if (!found->there) return false;
    if (rules::IsClaimed(found->identity, document_.history_id, claim)) return true;
    return Status::Invalid("another object sits at the key of its claimed one, ", data_.url(), "/",
                           claim.key, ". Move it away");
  }

  Result<RowChecksum> ReadAgain(const state::Claim& claim, const CaptureInstance& instance) {
    ARROW_ASSIGN_OR_RAISE(const auto description, source_.Describe(instance));
    ARROW_ASSIGN_OR_RAISE(const auto reader, source_.Read(description, claim.from, claim.to));
    RowChecksum sum;
    for (;;) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next(kRowsPerBatch));
      if (!batch) break;
      for (const RowKey& key : batch->keys) sum.Add(key);
    }
    ARROW_RETURN_NOT_OK(reader->Pause());
    return sum;
  }

  const rules::Settings& options_;
  source::Source& source_;
  store::Store& data_;
  const state::Document& document_;
  const source::PollInfo& info_;
};

Result<source::PollInfo> AskServer(source::Source& source, const state::Document& document) {
  ARROW_ASSIGN_OR_RAISE(const auto identity, source.Identify());
  const auto& anchor = document.anchor;
  ARROW_ASSIGN_OR_RAISE(auto info, source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt));
  const rules::HistoryVerdict verdict = rules::JudgeHistory(anchor, info);
  const bool other_database = !document.database_guid.empty() && !identity.guid.empty() &&
                              document.database_guid != identity.guid;
  if (other_database || verdict.history == rules::History::kReplaced) {
    return Status::Invalid(
        "the database was restored or replaced, so its gaps say nothing: ",
        other_database ? "its service_broker_guid is another one" : verdict.why,
        ". If that is meant to be so, begin a new history: cdc-to-s3 adopt --new-history --start "
        "now|oldest");
  }
  if (verdict.history == rules::History::kWait || !info.horizon) {
    return Status::Invalid("gaps cannot be judged now: ",
                           info.horizon ? verdict.why : "the server knows no captured change",
                           ". Try again later");
  }
  return info;
}

void Record(const OpenGap& gap, const std::string& now, state::Document* document) {
  state::Table& table = document->tables.at(gap.table);
  table.stopped.clear();
  table.stopped_since.clear();
  if (gap.kind == Kind::kClaim) {
    state::AddGap(&table, {gap.from, gap.to, now, table.claim->sequence});
    table.claim->incomplete = true;
    return;
  }
  if (gap.next) {
    table.capture_instance = gap.next->name;
    table.change_table_object_id = gap.next->change_table_object_id;
    table.source_object_id = gap.next->source_object_id;
  }
  if (gap.from == gap.to) return;
  state::AddGap(&table, {gap.from, gap.to, now, 0});
  table.position = gap.to;
}

Result<state::OwnedDocument> TakeOver(const rules::Settings& options, store::Store& state_store,
                                      const Clock& clock) {
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(state_store, options.document()));
    if (!stored) return Status::Invalid("there is no state document, and so no gap in it");
    auto owned = state::OwnedDocument::TakeOver(state_store, clock, stored, {}, kLease);
    if (owned.ok() || !state::IsOwnershipLost(owned.status()) || attempt == kTakeOversMax) {
      return owned;
    }
  }
}

}  // namespace

bool GapReport::HasGap(const std::string& table) const {
  return std::ranges::any_of(gaps, [&](const OpenGap& gap) { return gap.table == table; });
}

Result<GapReport> JudgeGaps(const rules::Settings& options, source::Source& source,
                            store::Store& data, const state::Document& document,
                            const std::vector<std::string>& tables) {
  ARROW_ASSIGN_OR_RAISE(const source::PollInfo info, AskServer(source, document));
  Judge judge(options, source, data, document, info);
  judge.report.horizon = *info.horizon;
  for (const std::string& name : tables) {
    if (!document.tables.contains(name)) continue;
    const size_t before = judge.report.gaps.size();
    const Status judged = judge.Table(name);
    if (judged.ok()) continue;
    // Half a judgement is none.
    judge.report.gaps.resize(before);
    judge.report.refused[name] = judged.message();
  }
  return std::move(judge.report);
}

Result<GapReport> AcceptGaps(const rules::Settings& options, source::Source& source,
                             store::Store& data, store::Store& state_store, const Clock& clock,
                             const std::vector<std::string>& tables) {
  ARROW_ASSIGN_OR_RAISE(auto owned, TakeOver(options, state_store, clock));
  auto report = JudgeGaps(options, source, data, owned.document(), tables);
  const std::string now = FormatUtc(clock.UtcNow());
  const Status released = owned.Release([&](state::Document& document) {
    if (!report.ok() || report->gaps.empty()) return;
    for (const OpenGap& gap : report->gaps) Record(gap, now, &document);
    state::MoveAnchor(document, rules::AnchorOf(report->horizon));
  });
  ARROW_RETURN_NOT_OK(report.status());
  ARROW_RETURN_NOT_OK(released);
  return report;
}

}  // namespace cdc::repair

#include "repair/accept_gap.h"

#include <algorithm>
#include <functional>

#include "base/row_checksum.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "parquet/stored_object.h"
#include "repair/judge.h"
#include "rules/claimed_object.h"
#include "rules/gap.h"
#include "rules/instance_choice.h"
#include "rules/same_database.h"
#include "rules/table_identity.h"
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

// Reading claimed windows again may take a while, and a standby must not come in between.
using KeepAlive = std::function<Status()>;

class Judge {
 public:
  Judge(const rules::Settings& options, source::Source& source, store::Store& data,
        const state::Document& document, const source::PollInfo& info, const KeepAlive& keep_alive)
      : options_(options),
        source_(source),
        data_(data),
        document_(document),
        info_(info),
        keep_alive_(keep_alive) {}

  Status Table(const std::string& name) {
    using What = rules::InstanceChoice::What;
    const state::Table& table = document_.tables.at(name);
    const bool claim_open = table.claim && !table.claim->confirmed;
    const auto choice = rules::ChooseInstance(
        document_, table, {info_.instances, info_.horizon->lsn, options_.instances}, claim_open);
    if (choice.namesake && !rules::MayFollow(options_, table, *choice.namesake)) {
      return Status::Invalid(
          "another table is captured under its name now (capture instance ", choice.namesake->name,
          "). To let that one go on in its folder: cdc-to-s3 follow ", ShellWord(name), " --yes");
    }
    const std::string gone = "its capture instance " + table.capture_instance + " is gone";
    if (choice.what == What::kGone && choice.namesake) {
      return Status::Invalid(gone, ", and ", choice.namesake->name,
                             " follows it by itself when the program runs; what was lost is "
                             "recorded then");
    }
    if (choice.what == What::kGone) {
      return Status::Invalid(gone,
                             " and there is no other one. What helps: EXEC "
                             "sys.sp_cdc_enable_table for ",
                             table.name_today.empty() ? name : table.name_today,
                             "; what lies between is then a gap to be accepted");
    }
    const CaptureInstance& instance = choice.instance;
    if (choice.what == What::kNotYet || !rules::HasBegun(instance, info_.horizon->lsn)) {
      return Status::Invalid("the capture process has not reached capture instance ", instance.name,
                             " yet: try again when it has captured a change");
    }
    const rules::InstanceFacts facts{info_.instances, info_.horizon->lsn, options_.instances};
    if (claim_open) ARROW_RETURN_NOT_OK(Claimed(table, rules::InstancesForClaim(table, facts)));
    const auto gap = rules::GapBefore(instance, document_.ResumePosition(table));
    if (!gap) return Status::OK();
    if (choice.what == What::kGap) {
      Add({name, Kind::kNewInstance, gap->from, gap->to,
           "capture instance " + table.capture_instance + " was dropped and made anew; " +
               instance.name + " holds what follows",
           instance, choice.helps_out});
    } else {
      Add({name, Kind::kRetention, gap->from, gap->to,
           "retention (cleanup) passed this table's resume position", std::nullopt});
    }
    return Status::OK();
  }

  GapReport report;

 private:
  void Add(OpenGap gap) { report.gaps.push_back(std::move(gap)); }

  // Count and checksum decide whether a claimed window lost rows, not MIN.
  Status Claimed(const state::Table& table, const rules::Instances& instances) {
    const state::Claim& claim = *table.claim;
    if (claim.incomplete) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const bool there, IsThere(claim));
    if (there) return Status::OK();
    int64_t most = 0;
    for (const CaptureInstance& instance : instances) {
      ARROW_ASSIGN_OR_RAISE(const RowChecksum left, ReadAgain(claim, instance));
      if (left.rows() == claim.rows && left.ToString() == claim.checksum) return Status::OK();
      if (left.rows() >= claim.rows) {
        return Status::Invalid("its rows between ", claim.from.ToString(), " and ",
                               claim.to.ToString(),
                               " are not the ones that were claimed: this is another history of "
                               "the database, see cdc-to-s3 adopt --help");
      }
      most = std::max(most, left.rows());
    }
    Add({table.QualifiedName(), Kind::kClaim, claim.from, claim.to,
         "of " + std::to_string(claim.rows) + " rows claimed for " + claim.key + " only " +
             std::to_string(most) + " can still be read",
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
      ARROW_RETURN_NOT_OK(keep_alive_());
    }
    ARROW_RETURN_NOT_OK(reader->Pause());
    return sum;
  }

  const rules::Settings& options_;
  source::Source& source_;
  store::Store& data_;
  const state::Document& document_;
  const source::PollInfo& info_;
  const KeepAlive& keep_alive_;
};

void Record(const OpenGap& gap, const std::string& now, const state::Document& document,
            state::Edits* edits) {
  edits->emplace_back(state::ResumeTable{gap.table});
  if (gap.next) {
    edits->emplace_back(state::FollowInstance{
        gap.table,
        {gap.next->name, gap.next->change_table_object_id, gap.next->source_object_id},
        gap.next_helps_out});
  }
  const int64_t carried_by =
      gap.kind == Kind::kClaim ? document.tables.at(gap.table).claim->sequence : 0;
  edits->emplace_back(state::RecordGap{gap.table, {gap.from, gap.to, now, carried_by, 0}});
}

}  // namespace

bool GapReport::HasGap(const std::string& table) const {
  return std::ranges::any_of(gaps, [&](const OpenGap& gap) { return gap.table == table; });
}

namespace {

Result<GapReport> JudgeAll(const rules::Settings& options, source::Source& source,
                           store::Store& data, const state::Document& document,
                           const std::vector<std::string>& tables, const KeepAlive& keep_alive) {
  ARROW_ASSIGN_OR_RAISE(const source::PollInfo info, AskServer(source, document));
  Judge judge(options, source, data, document, info, keep_alive);
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

}  // namespace

Result<GapReport> JudgeGaps(const rules::Settings& options, source::Source& source,
                            store::Store& data, const state::Document& document,
                            const std::vector<std::string>& tables) {
  return JudgeAll(options, source, data, document, tables, [] { return Status::OK(); });
}

Result<GapReport> AcceptGaps(const rules::Settings& options, source::Source& source,
                             store::Store& data, store::Store& state_store, const Clock& clock,
                             const std::vector<std::string>& tables) {
  ARROW_ASSIGN_OR_RAISE(auto owned, TakeOver(options, state_store, clock));
  // A copy: a swap replaces the document under the judge's hands.
  const state::Document document = owned.document();
  auto report = JudgeAll(options, source, data, document, tables,
                         [&owned] { return owned.needs_renewal() ? owned.Swap() : Status::OK(); });
  const std::string now = FormatUtc(clock.UtcNow());
  state::Edits edits;
  if (report.ok() && !report->gaps.empty()) {
    for (const OpenGap& gap : report->gaps) Record(gap, now, owned.document(), &edits);
    edits.emplace_back(state::MoveAnchor{rules::AnchorOf(report->horizon)});
  }
  const Status released = owned.Release(std::move(edits));
  ARROW_RETURN_NOT_OK(report.status());
  ARROW_RETURN_NOT_OK(released);
  return report;
}

}  // namespace cdc::repair

#include "capture/gaps.h"

#include "base/events.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "rules/gap.h"
#include "rules/instance_choice.h"
#include "rules/same_database.h"
#include "state/edits.h"

namespace cdc::capture {

namespace {

using arrow::Status;

Status Explain(const std::string& name, const std::string& range) {
  return StopsTable(
      "gap: changes from " + range +
      " can no longer be read; retention (cleanup) passed this table's resume position. What "
      "was lost cannot be brought back from CDC. To go on behind the gap: cdc-to-s3 "
      "accept-gap " +
      ShellWord(name) +
      " --yes; the gap is then recorded in the state and in the next object's "
      "footer. To prevent the next one, lengthen retention: EXEC "
      "sys.sp_cdc_change_job @job_type = N'cleanup', @retention = <minutes>");
}

}  // namespace

Status JudgeGap(Context& context, const std::string& name, const source::CaptureInstance& instance,
                const source::Horizon& horizon) {
  const state::Table& table = context.table(name);
  const auto gap = rules::GapBefore(instance, context.document().ResumePosition(table));
  if (!gap) return Status::OK();
  const bool beyond = !rules::HasBegun(instance, horizon.lsn);
  const state::MoveAnchor anchor{rules::AnchorOf(horizon)};
  // Nothing is known of it yet, not even that it was empty: the oldest row is simply another one.
  const bool untouched = !table.claim && gap->from == table.start;
  if (context.known[name].fresh_start && untouched && !beyond) {
    LogEvent(Level::kWarn, "start_moved",
             {{"table", name},
              {"range", gap->ToString()},
              {"why", "cleanup ran while the table came in"}});
    return context.held.Swap({state::MoveStart{name, gap->to}, anchor});
  }
  if (context.options.on_gap == rules::OnGap::kStop || beyond) {
    return Explain(name, gap->ToString());
  }
  LogEvent(Level::kError, "gap_accepted", {{"table", name}, {"range", gap->ToString()}});
  const std::string now = FormatUtc(context.with.clock.UtcNow());
  return context.held.Swap({state::RecordGap{name, {gap->from, gap->to, now, 0, 0}}, anchor});
}

}  // namespace cdc::capture

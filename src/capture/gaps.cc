#include "capture/gaps.h"

#include "base/events.h"
#include "base/utc_text.h"
#include "rules/gap.h"
#include "rules/same_database.h"
#include "state/edits.h"

namespace cdc::capture {

namespace {

using arrow::Status;

Status Explain(const std::string& name, const std::string& range) {
  return StopsTable("gap: changes from " + range +
                    " can no longer be read; retention (cleanup) passed this table's place. What "
                    "was lost cannot be brought back from CDC. To go on behind the gap: cdc-to-s3 "
                    "accept-gap " +
                    name +
                    " --yes; the gap is then recorded in the state and in the next object's "
                    "footer. To prevent the next one, lengthen retention: EXEC "
                    "sys.sp_cdc_change_job @job_type = N'cleanup', @retention = <minutes>");
}

}  // namespace

Status JudgeGap(Context& context, const std::string& name, const source::CaptureInstance& instance,
                const source::Horizon& horizon) {
  const Position place = context.document().PlaceOf(context.table(name));
  if (!rules::RowsMayBeGone(instance.start_lsn, place)) return Status::OK();
  const Position end = Position::After(instance.start_lsn.Previous());
  const std::string range = place.ToString() + " to " + end.ToString();
  const bool beyond = instance.start_lsn.Previous() > horizon.lsn;
  // Nothing is known of it yet, not even that it was empty: the oldest row is simply another one.
  const bool untouched = !context.table(name).claim && place == context.table(name).start;
  if (context.runtime[name].fresh_start && untouched && !beyond) {
    LogEvent(Level::kWarn, "start_moved",
             {{"table", name}, {"range", range}, {"why", "cleanup ran while the table came in"}});
    return context.Swap([&](state::Document& document) {
      state::Table& table = document.tables.at(name);
      table.start = table.position = end;
      state::MoveAnchor(document, rules::AnchorOf(horizon));
    });
  }
  if (context.options.on_gap == rules::OnGap::kStop || beyond) return Explain(name, range);
  LogEvent(Level::kError, "gap_accepted", {{"table", name}, {"range", range}});
  const std::string now = FormatUtc(context.with.clock.UtcNow());
  return context.Swap([&](state::Document& document) {
    state::Table& table = document.tables.at(name);
    state::AddGap(&table, {place, end, now, 0});
    table.position = end;
    state::MoveAnchor(document, rules::AnchorOf(horizon));
  });
}

}  // namespace cdc::capture

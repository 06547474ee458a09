#include "capture/instances.h"

#include <algorithm>
#include <vector>

#include "base/events.h"
#include "base/utc_text.h"
#include "capture/history.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;

bool IsNamed(const CaptureInstance& instance, const state::Table& table) {
  return instance.name == table.capture_instance &&
         instance.change_table_object_id == table.change_table_object_id &&
         instance.source_object_id == table.source_object_id;
}

// The instances of the same source table, lowest start first.
std::vector<CaptureInstance> Candidates(const state::Table& table, const source::PollInfo& info) {
  std::vector<CaptureInstance> found;
  for (const CaptureInstance& instance : info.instances) {
    if (instance.schema == table.schema && instance.table == table.name) found.push_back(instance);
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.start_lsn < b.start_lsn; });
  return found;
}

Status StopWithoutInstance(const state::Table& table) {
  return StopsTable("its capture instance " + table.capture_instance +
                    " is gone, and with it the changes that were not read yet. What helps: EXEC "
                    "sys.sp_cdc_enable_table for " +
                    table.QualifiedName() + "; what lies between is then a gap to be accepted");
}

Status StopAtGap(const state::Table& table, const Position& place, const Position& end) {
  return StopsTable(
      "gap: its capture instance " + table.capture_instance +
      " or the table was dropped and made anew; changes from " + place.ToString() + " to " +
      end.ToString() +
      " are gone. Nothing was read. To go on with the new one behind the gap, run once with "
      "on_gap = \"continue\"; the gap is then recorded in the state and in the next object's "
      "footer. If it is another table under the same name, move the old objects away first, "
      "all but the last one");
}

void Bind(state::Table* table, const CaptureInstance& instance) {
  table->capture_instance = instance.name;
  table->change_table_object_id = instance.change_table_object_id;
  table->source_object_id = instance.source_object_id;
}

}  // namespace

Result<CaptureInstance> ChooseInstance(Context& context, const std::string& name,
                                       const source::PollInfo& info) {
  const state::Table& table = context.table(name);
  const auto named = std::find_if(info.instances.begin(), info.instances.end(),
                                  [&](const auto& instance) { return IsNamed(instance, table); });
  if (named != info.instances.end()) return *named;

  const std::vector<CaptureInstance> candidates = Candidates(table, info);
  if (candidates.empty()) return StopWithoutInstance(table);
  const CaptureInstance& next = candidates.front();
  if (next.start_lsn.is_zero() || next.start_lsn.Previous() > info.horizon->lsn) {
    return store::MakeError(
        store::ErrorKind::kTransient,
        "the capture process has not reached capture instance " + next.name + " yet");
  }
  const Position place = context.document().PlaceOf(table);
  const Position end = Position::After(next.start_lsn.Previous());
  // Another source table under the same name is another history, even if no LSN is missing.
  const bool follows =
      next.source_object_id == table.source_object_id && !RowsMayBeGone(next.start_lsn, place);
  if (!follows && context.options.on_gap == OnGap::kStop) return StopAtGap(table, place, end);

  LogEvent(follows ? Level::kInfo : Level::kError, follows ? "instance_followed" : "gap_accepted",
           {{"table", name},
            {"instance", next.name},
            {"previous", table.capture_instance},
            {"place", place.ToString()},
            {"begins", next.start_lsn.ToString()}});
  const std::string now = FormatUtc(context.clock.UtcNow());
  ARROW_RETURN_NOT_OK(context.Swap([&](state::Document& document) {
    state::Table& changed = document.tables.at(name);
    Bind(&changed, next);
    if (follows || end <= place) return;
    changed.gaps.push_back({place, end, now, 0});
    changed.position = end;
    MoveAnchor(document, *info.horizon);
  }));
  return next;
}

}  // namespace cdc::capture

#include "capture/instances.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/events.h"
#include "base/utc_text.h"
#include "rules/gap.h"
#include "rules/same_database.h"
#include "state/edits.h"

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
                    table.QualifiedName() +
                    "; what lies between is then a gap to be accepted. If the table is not to be "
                    "delivered any more, name it in [source] exclude");
}

Status StopAtGap(const state::Table& table, const Position& place, const Position& end) {
  return StopsTable(
      "gap: its capture instance " + table.capture_instance +
      " or the table was dropped and made anew; changes from " + place.ToString() + " to " +
      end.ToString() +
      " are gone. Nothing was read. To go on with the new one behind the gap: cdc-to-s3 "
      "accept-gap " +
      table.QualifiedName() +
      " --yes; the gap is then recorded in the state and in the next object's footer. If it is "
      "another table under the same name, move the old objects away first, "
      "all but the last one");
}

void Bind(state::Table* table, const CaptureInstance& instance) {
  table->capture_instance = instance.name;
  table->change_table_object_id = instance.change_table_object_id;
  table->source_object_id = instance.source_object_id;
}

bool HasBegun(const CaptureInstance& instance, const Lsn& horizon) {
  return !instance.start_lsn.is_zero() && instance.start_lsn.Previous() <= horizon;
}

bool IsPinned(const Options& options, const CaptureInstance& instance) {
  return std::ranges::find(options.instances, instance.name) != options.instances.end();
}

// Another instance of the same source table that is to be read from some place on.
const CaptureInstance* Successor(const Options& options, const CaptureInstance& named,
                                 const source::PollInfo& info) {
  if (IsPinned(options, named)) return nullptr;
  for (const CaptureInstance& other : info.instances) {
    if (other.source_object_id != named.source_object_id ||
        other.change_table_object_id == named.change_table_object_id ||
        !HasBegun(other, info.horizon->lsn)) {
      continue;
    }
    // What is older than the named one is left alone: this table has come from there, or never
    // needed it. Creation tells, because cleanup gives both the same low end.
    const bool newer = other.create_date > named.create_date;
    if (IsPinned(options, other) || newer) return &other;
  }
  return nullptr;
}

Status Rebind(Context& context, const std::string& name, const CaptureInstance& next) {
  const state::Table& table = context.table(name);
  LogEvent(Level::kInfo, "instance_followed",
           {{"table", name},
            {"instance", next.name},
            {"previous", table.capture_instance},
            {"place", context.document().PlaceOf(table).ToString()},
            {"begins", next.start_lsn.ToString()}});
  return context.Swap([&](state::Document& document) { Bind(&document.tables.at(name), next); });
}

}  // namespace

const CaptureInstance* FirstInstance(const Options& options, const source::PollInfo& info,
                                     int64_t source_object_id) {
  const CaptureInstance* first = nullptr;
  for (const CaptureInstance& instance : info.instances) {
    if (instance.source_object_id != source_object_id || !HasBegun(instance, info.horizon->lsn)) {
      continue;
    }
    if (IsPinned(options, instance)) return &instance;
    if (first == nullptr || std::tie(instance.start_lsn, instance.create_date) <
                                std::tie(first->start_lsn, first->create_date)) {
      first = &instance;
    }
  }
  return first;
}

Result<Reading> ChooseInstance(Context& context, const std::string& name,
                               const source::PollInfo& info) {
  const state::Table& table = context.table(name);
  const auto named = std::find_if(info.instances.begin(), info.instances.end(),
                                  [&](const auto& instance) { return IsNamed(instance, table); });
  if (named != info.instances.end()) {
    const CaptureInstance* next = Successor(context.options, *named, info);
    if (next == nullptr) return Reading{*named, std::nullopt};
    // A claim that is not delivered yet is read again from the instance that it was made from.
    if (context.runtime[name].unconfirmed ||
        rules::RowsMayBeGone(next->start_lsn, context.document().PlaceOf(table))) {
      return Reading{*named, next->start_lsn.Previous()};
    }
    ARROW_RETURN_NOT_OK(Rebind(context, name, *next));
    return Reading{*next, std::nullopt};
  }

  const std::vector<CaptureInstance> candidates = Candidates(table, info);
  if (candidates.empty()) return StopWithoutInstance(table);
  const auto begun = std::ranges::find_if(candidates, [&](const CaptureInstance& candidate) {
    return HasBegun(candidate, info.horizon->lsn);
  });
  const CaptureInstance& next = begun == candidates.end() ? candidates.front() : *begun;
  if (!HasBegun(next, info.horizon->lsn)) {
    return TransientFault("the capture process has not reached capture instance " + next.name +
                          " yet");
  }
  const Position place = context.document().PlaceOf(table);
  const Position end = Position::After(next.start_lsn.Previous());
  // Another source table under the same name is another history, even if no LSN is missing.
  const bool follows = next.source_object_id == table.source_object_id &&
                       !rules::RowsMayBeGone(next.start_lsn, place);
  if (follows) {
    ARROW_RETURN_NOT_OK(Rebind(context, name, next));
    return Reading{next, std::nullopt};
  }
  if (context.options.on_gap == rules::OnGap::kStop) return StopAtGap(table, place, end);

  LogEvent(Level::kError, "gap_accepted",
           {{"table", name},
            {"instance", next.name},
            {"previous", table.capture_instance},
            {"place", place.ToString()},
            {"begins", next.start_lsn.ToString()}});
  const std::string now = FormatUtc(context.with.clock.UtcNow());
  ARROW_RETURN_NOT_OK(context.Swap([&](state::Document& document) {
    state::Table& changed = document.tables.at(name);
    Bind(&changed, next);
    if (end <= place) return;
    state::AddGap(&changed, {place, end, now, 0});
    changed.position = end;
    state::MoveAnchor(document, rules::AnchorOf(*info.horizon));
  }));
  return Reading{next, std::nullopt};
}

}  // namespace cdc::capture

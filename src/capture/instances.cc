#include "capture/instances.h"

#include "base/events.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "capture/groups.h"
#include "rules/column_guard.h"
#include "rules/gap.h"
#include "rules/same_database.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using rules::InstanceChoice;
using source::CaptureInstance;
using What = InstanceChoice::What;

state::InstanceIds IdsOf(const CaptureInstance& instance) {
  return {instance.name, instance.change_table_object_id, instance.source_object_id};
}

Status StopAtGap(const state::Table& table, const rules::Range& gap) {
  return StopsTable("gap: its capture instance " + table.capture_instance +
                    " was dropped and made anew, or cleaned; changes from " + gap.ToString() +
                    " are gone. Nothing was read. To go on with the new one past the gap: "
                    "cdc-to-s3 accept-gap " +
                    ShellWord(table.QualifiedName()) +
                    " --yes; the gap is then recorded in the state and in the next object's "
                    "footer");
}

Status Rebind(Context& context, const std::string& name, const CaptureInstance& next,
              bool helps_out) {
  const state::Table& table = context.table(name);
  LogEvent(Level::kInfo, "instance_followed",
           {{"table", name},
            {"instance", next.name},
            {"previous", table.capture_instance},
            {"place", context.document().ResumePosition(table).ToString()},
            {"begins", next.start_lsn.ToString()}});
  return context.held.Swap({state::FollowInstance{name, IdsOf(next), helps_out}});
}

Status AcceptGap(Context& context, const std::string& name, const InstanceChoice& choice,
                 const rules::Range& gap, const source::PollInfo& info) {
  const CaptureInstance& next = choice.instance;
  LogEvent(Level::kError, "gap_accepted",
           {{"table", name},
            {"instance", next.name},
            {"previous", context.table(name).capture_instance},
            {"place", gap.from.ToString()},
            {"begins", next.start_lsn.ToString()}});
  const std::string now = FormatUtc(context.with.clock.UtcNow());
  return context.held.Swap({state::FollowInstance{name, IdsOf(next), choice.helps_out},
                            state::RecordGap{name, {gap.from, gap.to, now, 0, 0}},
                            state::MoveAnchor{rules::AnchorOf(*info.horizon)}});
}

// The table is gone with its change rows, and another one goes on under its name.
Result<Reading> FollowGone(Context& context, const std::string& name,
                           const CaptureInstance& follower, const source::PollInfo& info) {
  // The last claim is settled first; nothing but its object in the store can be of use for that.
  const CaptureInstance instance = rules::AsCalledIn(context.table(name), follower);
  if (context.known[name].unconfirmed) return Reading{instance, {}, {}, /*claim_only=*/true, {}};
  const Position resume = context.document().ResumePosition(context.table(name));
  ARROW_RETURN_NOT_OK(FollowTable(context, name, follower,
                                  rules::GapOfGoneTable(follower, resume, info.horizon->lsn),
                                  *info.horizon));
  return Reading{instance, {}, {}, false, {}};
}

}  // namespace

rules::InstanceFacts FactsOf(const Context& context, const source::PollInfo& info) {
  return {info.instances, info.horizon->lsn, context.options.instances};
}

Result<Reading> ChooseReading(Context& context, const std::string& name,
                              const source::PollInfo& info) {
  const state::Table& table = context.table(name);
  const InstanceChoice choice = rules::ChooseInstance(
      context.document(), table, FactsOf(context, info), context.known[name].unconfirmed);
  const CaptureInstance instance = rules::AsCalledIn(table, choice.instance);
  std::optional<CaptureInstance> follower;
  if (choice.namesake) {
    if (!rules::MayFollow(context.options, table, *choice.namesake)) {
      return StopsTable(rules::WhyReplaced(table, choice));
    }
    if (rules::HasBegun(*choice.namesake, info.horizon->lsn)) follower = *choice.namesake;
  }
  // A claim that is not delivered comes first, from whatever instance still shows its rows.
  if (context.known[name].unconfirmed && choice.what != What::kGone) {
    auto shows = rules::InstancesForClaim(table, FactsOf(context, info));
    if (!shows.empty()) {
      const bool claim_only = choice.what != What::kRead ||
                              shows.front().change_table_object_id != table.change_table_object_id;
      const CaptureInstance first = shows.front();
      shows.erase(shows.begin());
      return Reading{first, choice.through, follower, claim_only, std::move(shows)};
    }
  }
  switch (choice.what) {
    case What::kRead:
      return Reading{instance, choice.through, follower, false, {}};
    case What::kFollow:
      ARROW_RETURN_NOT_OK(Rebind(context, name, instance, choice.helps_out));
      return Reading{instance, choice.through, follower, false, {}};
    case What::kGap: {
      const Position resume = context.document().ResumePosition(table);
      const rules::Range gap = *rules::GapBefore(instance, resume);
      if (context.options.on_gap == rules::OnGap::kStop) return StopAtGap(table, gap);
      ARROW_RETURN_NOT_OK(AcceptGap(context, name, choice, gap, info));
      return Reading{instance, choice.through, follower, false, {}};
    }
    case What::kNotYet:
      break;
    case What::kGone:
      if (follower) return FollowGone(context, name, *follower, info);
      if (!choice.namesake)
        return StopsTable(rules::WhyGone(table, context.document(), info.instances));
      break;
  }
  return TransientFault("the capture process has not reached capture instance " +
                        (choice.what == What::kGone ? *choice.namesake : instance).name + " yet");
}

Status FollowTable(Context& context, const std::string& name, const CaptureInstance& follower,
                   const std::optional<rules::Range>& gap, const source::Horizon& horizon) {
  const state::Table table = context.table(name);  // a question may keep the lease by a swap
  const CaptureInstance next = rules::AsCalledIn(table, follower);
  ARROW_ASSIGN_OR_RAISE(const auto description, context.work.Ask<source::TableDescription>([&] {
    return context.with.source.Describe(next);
  }));
  // It may have been delivered once, under another entry: what was kept back there stays so.
  const auto others = LookAtOthers(context.options, context.with.state);
  if (!others.ok()) return NotKnownWhose(others.status());
  const auto* before = rules::DeliveredBefore(context.document(), *others, next.source_object_id);
  const state::KnownColumns known = before != nullptr ? before->columns : state::KnownColumns();
  Status shown = rules::CheckColumnsOfFollower(table, description);
  if (shown.ok()) shown = rules::CheckColumns(name, known, description);
  if (!shown.ok()) return StopsTable(shown.message());
  const Position start = before != nullptr ? before->through : rules::EndBefore(next);
  LogEvent(Level::kWarn, "table_followed",
           {{"table", name},
            {"instance", next.name},
            {"previous", table.capture_instance},
            {"object_id", next.source_object_id},
            {"previous_object_id", table.source_object_id},
            {"lost", gap ? gap->ToString() : ""},
            {"start", start.ToString()}});
  state::Edits edits;
  if (gap) {
    const std::string now = FormatUtc(context.with.clock.UtcNow());
    edits.emplace_back(
        state::RecordGap{name, {gap->from, gap->to, now, 0, table.source_object_id}});
  }
  edits.emplace_back(state::FollowTable{name, IdsOf(next), start,
                                        rules::KnownColumnsOfFollower(table, description, known)});
  edits.emplace_back(state::MoveAnchor{rules::AnchorOf(horizon)});
  context.known[name].fresh_start = false;
  return context.held.Swap(edits);
}

}  // namespace cdc::capture

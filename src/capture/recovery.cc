#include "capture/recovery.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/events.h"
#include "base/utc_text.h"
#include "capture/delivery.h"
#include "capture/history.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;

enum class Found { kMissing, kThere, kThereIncomplete };

// With local state the target may forbid looking: then the object is put again, with the same rows.
Result<Found> Look(Context& context, const state::Claim& claim) {
  const auto head = context.data.Head(claim.key);
  if (!head.ok()) {
    const bool may_overwrite = !context.options.conditional_puts &&
                               store::KindOf(head.status()) == store::ErrorKind::kDenied;
    if (may_overwrite) return Found::kMissing;
    return head.status();
  }
  if (!*head) return Found::kMissing;
  const auto identity = pq::IdentityFromUserMetadata((*head)->metadata);
  if (!IsClaimed(identity, context.document().history_id, claim)) {
    return StopsTable("another object sits at the key of this table's claimed one, " +
                      context.data.url() + "/" + claim.key +
                      ". Move it away; the table goes on by itself");
  }
  return identity->rows < claim.rows ? Found::kThereIncomplete : Found::kThere;
}

void Confirm(Context& context, const std::string& name, int64_t sequence) {
  context.runtime[name].unconfirmed = false;
  context.pending.push_back([name, sequence](state::Document& document) {
    auto& claim = document.tables.at(name).claim;
    if (claim && claim->sequence == sequence) claim->confirmed = true;
  });
}

// The rows of a claimed window are gone, in part: the gap is in the state before anything is put.
Status RecordLoss(Context& context, const std::string& name, const state::Claim& claim) {
  if (claim.incomplete) return Status::OK();  // recorded by an earlier try
  const auto now = FormatUtc(context.clock.UtcNow());
  LogEvent(Level::kError, "gap_recorded",
           {{"table", name},
            {"from", claim.from.ToString()},
            {"to", claim.to.ToString()},
            {"why", "cleanup removed rows that were claimed but not yet delivered"}});
  return context.Swap([&](state::Document& document) {
    state::Table& table = document.tables.at(name);
    table.gaps.push_back({claim.from, claim.to, now, claim.sequence});
    table.claim->incomplete = true;
  });
}

pq::FooterRecord RecordOf(const Context& context, const state::Table& table,
                          const source::CaptureInstance& instance) {
  pq::FooterRecord record = NextRecord(context, table, instance);
  record.sequence = table.claim->sequence;
  record.from = table.claim->from;
  record.previous_key = table.claim->previous_key;
  record.incomplete = table.claim->incomplete;
  record.gaps.clear();
  for (const state::Gap& gap : table.gaps) {
    if (gap.carried_by == table.claim->sequence) record.gaps.push_back({gap.from, gap.to});
  }
  return record;
}

Result<BuiltObject> ReadAgain(Context& context, const std::string& name,
                              const source::CaptureInstance& instance) {
  const state::Table& table = context.table(name);
  ARROW_ASSIGN_OR_RAISE(const auto description, context.source.Describe(instance));
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        context.source.Read(description, table.claim->from, table.claim->to));
  ARROW_ASSIGN_OR_RAISE(auto object,
                        BuildObject(*reader, description, RecordOf(context, table, instance),
                                    context.options.limits, table.claim->to, context.stop));
  ARROW_RETURN_NOT_OK(reader->Pause());
  return std::move(*object);
}

// Whether the window read again is what was claimed. Count and checksum decide, not MIN.
bool IsWhole(const state::Claim& claim, const pq::FooterRecord& record) {
  return record.rows == claim.rows && record.checksum == claim.checksum;
}

Status ExplainLoss(const state::Claim& claim, const pq::FooterRecord& record) {
  return StopsTable(
      "of " + std::to_string(claim.rows) + " rows claimed for " + claim.key + " (" +
      claim.from.ToString() + " to " + claim.to.ToString() + ") only " +
      std::to_string(record.rows) +
      " can still be read: cleanup overtook a program that was away too long. What helps: set "
      "on_gap = \"continue\"; then the gap is recorded and what remains is delivered");
}

}  // namespace

Status RecoverClaim(Context& context, const std::string& name,
                    const source::CaptureInstance& instance) {
  const state::Claim claim = *context.table(name).claim;
  ARROW_ASSIGN_OR_RAISE(const Found found, Look(context, claim));
  if (found == Found::kThereIncomplete) ARROW_RETURN_NOT_OK(RecordLoss(context, name, claim));
  if (found != Found::kMissing) {
    LogEvent(Level::kInfo, "claim_found", {{"table", name}, {"key", claim.key}});
    Confirm(context, name, claim.sequence);
    return Status::OK();
  }

  ARROW_ASSIGN_OR_RAISE(BuiltObject object, ReadAgain(context, name, instance));
  if (!IsWhole(claim, object.record) && !claim.incomplete) {
    if (object.record.rows >= claim.rows) {
      return StopsEverything("the rows of table " + name + " between " + claim.from.ToString() +
                             " and " + claim.to.ToString() +
                             " are not the ones that were claimed: this is another history of the "
                             "database. Nothing was written");
    }
    if (context.options.on_gap == OnGap::kStop) return ExplainLoss(claim, object.record);
    ARROW_RETURN_NOT_OK(RecordLoss(context, name, claim));
    ARROW_ASSIGN_OR_RAISE(object, ReadAgain(context, name, instance));  // its footer says so now
  }
  CrashPoint("recovered_not_put");
  ARROW_RETURN_NOT_OK(PutClaimed(context, claim.key, object));
  LogEvent(Level::kInfo, "claim_recovered",
           {{"table", name}, {"key", claim.key}, {"rows", object.record.rows}});
  TableRuntime& runtime = context.runtime[name];
  runtime.rows += object.record.rows;
  ++runtime.objects;
  Confirm(context, name, claim.sequence);
  return Status::OK();
}

}  // namespace cdc::capture

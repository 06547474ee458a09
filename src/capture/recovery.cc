#include "capture/recovery.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/events.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "capture/delivery.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"
#include "state/edits.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;

enum class Found { kMissing, kThere, kThereIncomplete };

// What a worker is asked to settle. Nothing of it changes while it works.
struct Order {
  std::string table;
  source::CaptureInstance instance;
  state::Claim claim;
  std::string history_id;
  Lsn horizon;
  pq::FooterRecord record;
  rules::KnownColumns columns;
  // The table is gone, and the instance is of the one that follows it: nothing of its rows counts.
  bool table_is_gone = false;
  rules::Instances others = {};  // that may show what this one does not
};

struct Settled {
  enum class How {
    kThere,            // found
    kThereIncomplete,  // found, with fewer rows than claimed: put by an owner that had to
    kPut,
    kLost,  // rows of the window are gone, and nobody has accepted that
  };
  How how = How::kThere;
  int64_t rows = 0;
  std::optional<BuiltObject> object = {};  // kPut
};

// With local state the target may forbid looking: then the object is put again, with the same rows.
Result<Found> Look(const Tools& tools, const Order& order) {
  const state::Claim& claim = order.claim;
  const auto found = pq::IdentifyObject(tools.data, claim.key);
  if (!found.ok()) {
    const bool may_overwrite = !tools.options.conditional_puts &&
                               store::KindOf(found.status()) == store::ErrorKind::kDenied;
    if (may_overwrite) return Found::kMissing;
    return found.status();
  }
  if (!found->there) return Found::kMissing;
  if (!rules::IsClaimed(found->identity, order.history_id, claim)) {
    return StopsTable("another object sits at the key of this table's claimed one, " +
                      tools.data.url() + "/" + claim.key +
                      ". Move it away; the table goes on by itself");
  }
  return found->identity->rows < claim.rows ? Found::kThereIncomplete : Found::kThere;
}

void Confirm(Context& context, const std::string& name, int64_t sequence) {
  context.known[name].unconfirmed = false;
  context.known[name].unconfirmed_object.reset();
  context.held.Note(state::ConfirmClaim{name, sequence});
}

// The rows of a claimed window are gone, in part: the gap is in the state before anything is put.
Status RecordLoss(Context& context, const std::string& name, const state::Claim& claim) {
  if (claim.incomplete) return Status::OK();  // recorded by an earlier try
  const auto now = FormatUtc(context.with.clock.UtcNow());
  LogEvent(Level::kError, "gap_recorded",
           {{"table", name},
            {"from", claim.from.ToString()},
            {"to", claim.to.ToString()},
            {"why", "cleanup removed rows that were claimed but not yet delivered"}});
  return context.held.Swap({state::RecordGap{
      name, {claim.from, claim.to, now, claim.sequence, /*source_object_id=*/0}}});
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

Result<BuiltObject> ReadAgain(const Tools& tools, const Order& order) {
  ARROW_ASSIGN_OR_RAISE(auto source, tools.sources.Borrow(order.horizon, tools.database_guid));
  ARROW_ASSIGN_OR_RAISE(const auto description,
                        DescribeGuarded(*source, order.table, order.instance, order.columns));
  const Position& from = order.table_is_gone ? order.claim.to : order.claim.from;
  ARROW_ASSIGN_OR_RAISE(const auto reader, source->Read(description, from, order.claim.to));
  ARROW_ASSIGN_OR_RAISE(auto object,
                        BuildObject(*reader, description, order.record, tools.options.limits,
                                    order.claim.to, tools.stopped));
  ARROW_RETURN_NOT_OK(reader->Pause());
  return std::move(*object);
}

// Whether the window read again is what was claimed. Count and checksum decide, not MIN.
bool IsWhole(const state::Claim& claim, const pq::FooterRecord& record) {
  return record.rows == claim.rows && record.checksum == claim.checksum;
}

Status ExplainLoss(const state::Claim& claim, const std::string& table, int64_t rows) {
  return StopsTable("of " + std::to_string(claim.rows) + " rows claimed for " + claim.key + " (" +
                    claim.from.ToString() + " to " + claim.to.ToString() + ") only " +
                    std::to_string(rows) +
                    " can still be read: cleanup overtook a program that was away too long. What "
                    "helps: cdc-to-s3 accept-gap " +
                    ShellWord(table) +
                    " --yes, or on_gap = \"continue\"; then the gap is recorded and what remains "
                    "is delivered");
}

// On a worker's thread.
Result<Settled> Settle(const Tools& tools, const Order& order) {
  using How = Settled::How;
  ARROW_ASSIGN_OR_RAISE(const Found found, Look(tools, order));
  if (found != Found::kMissing) {
    return Settled{found == Found::kThere ? How::kThere : How::kThereIncomplete};
  }
  ARROW_ASSIGN_OR_RAISE(BuiltObject object, ReadAgain(tools, order));
  if (!IsWhole(order.claim, object.record) && !order.claim.incomplete) {
    if (object.record.rows < order.claim.rows) return Settled{How::kLost, object.record.rows};
    return StopsTable("its rows between " + order.claim.from.ToString() + " and " +
                      order.claim.to.ToString() + " (" + std::to_string(object.record.rows) +
                      ") are not the ones that were claimed for " + order.claim.key + " (" +
                      std::to_string(order.claim.rows) +
                      "): it is read from another capture instance than then, or this is another "
                      "history of the database. Nothing was written. What helps: bring the capture "
                      "instance back; or begin a new history: cdc-to-s3 adopt --help");
  }
  CrashPoint("recovered_not_put");
  ARROW_RETURN_NOT_OK(PutClaimed(tools, order.claim.key, object));
  const int64_t rows = object.record.rows;
  return Settled{How::kPut, rows, std::move(object)};
}

class Recovery {
 public:
  Recovery(Context& context, const Lsn& horizon)
      : context_(context), horizon_(horizon), tools_(Tools::Of(context)) {}

  void Start(const std::string& name, const source::CaptureInstance& instance,
             rules::Instances others) {
    const state::Table& table = context_.table(name);
    const bool table_is_gone = instance.source_object_id != table.source_object_id;
    const Order order{name,
                      instance,
                      *table.claim,
                      context_.document().history_id,
                      horizon_,
                      RecordOf(context_, table, instance),
                      table_is_gone ? rules::KnownColumns() : table.columns,
                      table_is_gone,
                      std::move(others)};
    context_.with.executor.Post(Executor::Lane::kRead, [this, tools = tools_, order] {
      auto settled = std::make_shared<Result<Settled>>(Settle(*tools, order));
      return [this, order, settled] { return OnSettled(order, *settled); };
    });
  }

 private:
  Status OnSettled(const Order& order, const Result<Settled>& settled) {
    using How = Settled::How;
    if (context_.with.stop) return Status::OK();
    if (!settled.ok()) return context_.known.WorkerTrouble(order.table, settled.status());
    if (settled->how == How::kLost) return OnLost(order, settled->rows);
    if (settled->how == How::kThereIncomplete) {
      ARROW_RETURN_NOT_OK(RecordLoss(context_, order.table, order.claim));
    }
    if (settled->how == How::kThere && order.claim.incomplete) {
      context_.held.Note(state::FindWhole{order.table});
    }
    LogEvent(Level::kInfo, settled->how == How::kPut ? "claim_recovered" : "claim_found",
             {{"table", order.table}, {"key", order.claim.key}, {"rows", order.claim.rows}});
    // The document counted what its values lost with the claim.
    const auto& tried = context_.known[order.table].unconfirmed_object;
    if (settled->object) {
      context_.known.Delivered(order.table, order.claim.key, ObjectFacts::Of(*settled->object));
    } else if (tried && settled->how == How::kThere) {  // only the reply was lost
      context_.known.Delivered(order.table, order.claim.key, *tried);
    }
    Confirm(context_, order.table, order.claim.sequence);
    return Status::OK();
  }

  Status OnLost(const Order& order, int64_t rows) {
    if (!order.others.empty()) {
      Start(order.table, order.others.front(), {order.others.begin() + 1, order.others.end()});
      return Status::OK();
    }
    if (context_.options.on_gap == rules::OnGap::kStop && !order.table_is_gone) {
      return context_.known.WorkerTrouble(order.table, ExplainLoss(order.claim, order.table, rows));
    }
    ARROW_RETURN_NOT_OK(RecordLoss(context_, order.table, order.claim));
    Start(order.table, order.instance, {});  // its footer says so now
    return Status::OK();
  }

  Context& context_;
  const Lsn horizon_;
  const std::shared_ptr<const Tools> tools_;
};

}  // namespace

Status RecoverClaims(Context& context, const std::map<std::string, Reading>& readings,
                     const Lsn& horizon) {
  Recovery recovery(context, horizon);
  for (const auto& [name, reading] : readings) {
    if (context.known[name].unconfirmed) recovery.Start(name, reading.instance, reading.others);
  }
  return context.work.Gather();
}

}  // namespace cdc::capture

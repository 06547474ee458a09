#include "capture/delivery.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/events.h"
#include "capture/history.h"

// How changes become objects, each exactly once. For every table: read, claim, put, confirm. The
// state document is the only truth; what a crash leaves behind is said at each step of Flush.

namespace cdc::capture {

namespace {

using arrow::Status;

// Ready objects wait for their common claim; these bounds keep memory and lost work small.
constexpr size_t kReadyObjectsMax = 200;
constexpr int64_t kReadyMemoryBytesMax = 16 << 20;
constexpr int64_t kReadyBytesMax = 256 << 20;  // most of them in temporary files

}  // namespace

pq::FooterRecord NextRecord(const Context& context, const state::Table& table,
                            const source::CaptureInstance& instance) {
  pq::FooterRecord record;
  record.database = context.options.database;
  record.schema = table.schema;
  record.table = table.name;
  record.capture_instance = instance.name;
  record.history_id = context.document().history_id;
  record.sequence = table.sequence() + 1;
  record.from = table.position;
  record.previous_key = table.claim ? table.claim->key : "";
  for (const state::Gap& gap : table.gaps) {
    if (gap.carried_by == 0) record.gaps.push_back({gap.from, gap.to});
  }
  record.program_version = context.options.program_version;
  return record;
}

bool IsClaimed(const std::optional<pq::ObjectIdentity>& found, const std::string& history_id,
               const state::Claim& claim) {
  return found && found->history_id == history_id && found->sequence == claim.sequence &&
         found->from == claim.from && found->to == claim.to;
}

Status PutClaimed(Context& context, const std::string& key, const BuiltObject& object) {
  store::PutOptions options;
  options.mode =
      context.options.conditional_puts ? store::PutMode::kIfAbsent : store::PutMode::kOverwrite;
  options.metadata = object.record.ToUserMetadata();
  // ★ A process that slept between claim and put must not put any more: somebody else has recovered
  // the claim, and a consumer may have moved the object away since. The store refuses an old
  // signature.
  options.signed_at = context.owned.last_swap_sent();
  ARROW_ASSIGN_OR_RAISE(const auto result, context.data.Put(key, *object.bytes, options));
  if (result == store::PutResult::kCreated) return Status::OK();

  ARROW_ASSIGN_OR_RAISE(const auto head, context.data.Head(key));
  if (!head)
    return store::MakeError(store::ErrorKind::kTransient, key + " was there and is not any more");
  const auto found = pq::IdentityFromUserMetadata(head->metadata);
  const pq::FooterRecord& ours = object.record;
  const bool same_claim = found && found->history_id == ours.history_id &&
                          found->sequence == ours.sequence && found->from == ours.from &&
                          found->to == ours.to;
  // Of an incomplete window another owner may have found more rows, before cleanup went on.
  const bool same_rows = same_claim && found->rows == ours.rows && found->checksum == ours.checksum;
  if (same_rows || (same_claim && ours.incomplete)) return Status::OK();
  return StopsTable("another object sits at the key of this table's next one, " +
                    context.data.url() + "/" + key + ". Move it away; the table goes on by itself");
}

bool Delivery::ShouldFlush() const {
  int64_t memory = 0, bytes = 0;
  for (const Ready& ready : ready_) {
    memory += ready.object.bytes->memory_bytes();
    bytes += ready.object.bytes->size_bytes();
  }
  return ready_.size() >= kReadyObjectsMax || memory >= kReadyMemoryBytesMax ||
         bytes >= kReadyBytesMax;
}

Status Delivery::Table(const std::string& name, const source::CaptureInstance& instance) {
  ARROW_ASSIGN_OR_RAISE(const auto description, context_.source.Describe(instance));
  Position place = context_.document().PlaceOf(context_.table(name));
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        context_.source.Read(description, place, Position::After(horizon_.lsn)));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(
        auto object,
        BuildObject(*reader, description, NextRecord(context_, context_.table(name), instance),
                    context_.options.limits, std::nullopt, context_.stop));
    // The statement is closed while objects are claimed and put: nobody's ALTER waits for S3, and
    // the connection is free for the question whether the rows were still all there.
    ARROW_RETURN_NOT_OK(reader->Pause());
    if (!object) return Status::OK();
    const bool more = object->more;
    const Position to = object->record.to;
    ready_.push_back({name, instance, place, std::move(*object), ""});
    place = to;
    // A table's next object comes only after this one is known to be there; a table that is through
    // can wait for the others' claims.
    if (more || ShouldFlush()) ARROW_RETURN_NOT_OK(Flush());
    const TableRuntime& runtime = context_.runtime[name];
    if (!more || runtime.unconfirmed || context_.table(name).position < place) return Status::OK();
  }
}

Status Delivery::Flush() {
  if (ready_.empty()) return Status::OK();
  // 1. Read: done. A crash until here costs work, nothing else.
  // 2. Were the rows still all there while we read them? Asked on the same connection, behind the
  // horizon.
  ARROW_RETURN_NOT_OK(StillReadable());
  CrashPoint("read_not_claimed");

  // 3. Claim. From here on these rows belong to these objects: whoever comes next delivers exactly
  // them.
  ARROW_RETURN_NOT_OK(Claim());
  CrashPoint("claimed_not_put");

  // 4. Put. A crash in between leaves claims without objects; the next owner reads the same windows
  // again.
  for (Ready& ready : ready_) {
    const Status put = Put(ready);
    CrashPoint("put_not_confirmed");
    if (put.ok()) continue;
    context_.runtime[ready.table].unconfirmed = true;
    ARROW_RETURN_NOT_OK(context_.TableTrouble(ready.table, put));
  }

  // 5. Confirm: rides in the next swap, and always before or with the table's next claim. Without
  // it the
  //    next owner asks the store for the object, finds it, and goes on.
  ready_.clear();
  return Status::OK();
}

Status Delivery::StillReadable() {
  ARROW_ASSIGN_OR_RAISE(const auto instances, context_.source.Recheck(horizon_.lsn));
  std::vector<Ready> good;
  for (Ready& ready : ready_) {
    const auto same = std::find_if(instances.begin(), instances.end(), [&](const auto& instance) {
      return instance.change_table_object_id == ready.instance.change_table_object_id &&
             instance.source_object_id == ready.instance.source_object_id;
    });
    if (same != instances.end() && !RowsMayBeGone(same->start_lsn, ready.place)) {
      good.push_back(std::move(ready));
      continue;
    }
    overtaken_.insert(ready.table);
    LogEvent(Level::kWarn, "read_overtaken",
             {{"table", ready.table},
              {"why",
               "cleanup or a new capture instance came in between; the rows "
               "read are dropped and the table is judged anew"}});
  }
  ready_ = std::move(good);
  return Status::OK();
}

Status Delivery::Claim() {
  if (ready_.empty()) return Status::OK();
  for (Ready& ready : ready_) {
    const state::Table& table = context_.table(ready.table);
    ARROW_ASSIGN_OR_RAISE(const TableNames names, context_.NamesOf(table));
    ready.key = names.Next(context_.clock.UtcNow(), table.claim ? table.claim->key : "");
  }
  return context_.Swap([&](state::Document& document) {
    for (const Ready& ready : ready_) {
      state::Table& table = document.tables.at(ready.table);
      const pq::FooterRecord& record = ready.object.record;
      for (state::Gap& gap : table.gaps) {
        if (gap.carried_by == 0) gap.carried_by = record.sequence;
      }
      table.claim = state::Claim{record.sequence, ready.key, record.previous_key,
                                 record.from,     record.to, record.rows,
                                 record.checksum, false,     false};
      table.position = record.to;
    }
    MoveAnchor(document, horizon_);
  });
}

Status Delivery::Put(Ready& ready) {
  ARROW_RETURN_NOT_OK(PutClaimed(context_, ready.key, ready.object));
  const int64_t sequence = ready.object.record.sequence;
  context_.pending.push_back([name = ready.table, sequence](state::Document& document) {
    auto& claim = document.tables.at(name).claim;
    if (claim && claim->sequence == sequence) claim->confirmed = true;
  });
  delivered_.insert(ready.table);
  TableRuntime& runtime = context_.runtime[ready.table];
  runtime.rows += ready.object.record.rows;
  ++runtime.objects;
  LogEvent(Level::kDebug, "object_put",
           {{"table", ready.table},
            {"key", ready.key},
            {"rows", ready.object.record.rows},
            {"bytes", ready.object.bytes->size_bytes()}});
  return Status::OK();
}

}  // namespace cdc::capture

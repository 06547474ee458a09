#include "repair/new_history.h"

#include <algorithm>

#include "base/random.h"
#include "base/row_checksum.h"
#include "base/utc_text.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;

// The oldest instance of the table. A renamed table keeps its entry and is known by its id; but in
// another database ids alone mean nothing, so the name comes first.
const CaptureInstance* InstanceOf(const state::Table& table, const source::PollInfo& info) {
  const CaptureInstance* named = nullptr;
  const CaptureInstance* renamed = nullptr;
  for (const CaptureInstance& instance : info.instances) {
    if (instance.schema == table.schema && instance.table == table.name) {
      if (named == nullptr || instance.start_lsn < named->start_lsn) named = &instance;
    } else if (instance.source_object_id == table.source_object_id &&
               instance.name == table.capture_instance) {
      renamed = &instance;
    }
  }
  return named != nullptr ? named : renamed;
}

Result<Position> StartOf(const NewHistory& with, const CaptureInstance* instance) {
  const Lsn& horizon = with.info.horizon->lsn;
  const bool begun = instance != nullptr && !instance->start_lsn.is_zero() &&
                     instance->start_lsn.Previous() <= horizon;
  // All that an instance holds which has not begun comes after the horizon.
  const Position oldest = Position::After(begun ? instance->start_lsn.Previous() : horizon);
  if (with.start == "oldest") return oldest;
  if (with.start == "now") return Position::After(horizon);
  if (const auto lsn = Lsn::Parse(with.start); lsn.ok()) {
    if (*lsn <= horizon) return Position::After(*lsn);
    return Status::Invalid("--start ", with.start, " lies beyond the newest change, ",
                           horizon.ToString());
  }
  // From that time on, as far as it is kept.
  ARROW_ASSIGN_OR_RAISE(const UtcTime time, ParseUtc(with.start));
  ARROW_ASSIGN_OR_RAISE(const auto before, with.source.LastCommitBefore(time));
  return before ? std::max(oldest, Position::After(std::min(*before, horizon))) : oldest;
}

// A claim whose object was never put dies with its history: its number is used again.
Status SettleClaim(const NewHistory& with, state::Table* table) {
  if (!table->claim || table->claim->confirmed) return Status::OK();
  const state::Claim claim = *table->claim;
  ARROW_ASSIGN_OR_RAISE(const pq::ObjectThere found, pq::IdentifyObject(with.data, claim.key));
  if (rules::IsClaimed(found.identity, with.document.history_id, claim)) return Status::OK();
  if (found.there) {
    return Status::Invalid("table ", table->QualifiedName(),
                           ": another object sits at the key of its claimed one, ", with.data.url(),
                           "/", claim.key, ". Move it away");
  }
  table->claim.reset();
  if (claim.sequence > 1) {
    table->claim.emplace();
    table->claim->sequence = claim.sequence - 1;
    table->claim->key = claim.previous_key;
  }
  return Status::OK();
}

// The last object's name and number go on; its place means nothing in the new history.
void MoveTo(const Position& start, state::Table* table) {
  table->start = table->position = start;
  table->empty_through = Lsn{};
  table->in_cut = false;
  table->altered_values.clear();
  table->stopped.clear();
  table->stopped_since.clear();
  std::erase_if(table->gaps, [&](const state::Gap& gap) {
    return gap.carried_by == 0 || gap.carried_by > table->sequence();
  });
  if (!table->claim) return;
  table->claim->from = table->claim->to = start;
  table->claim->rows = 0;
  table->claim->checksum = RowChecksum().ToString();
  table->claim->incomplete = false;
  table->claim->confirmed = true;
}

// Ids of another database could be those of other tables here; 0 is nobody's.
void Bind(const CaptureInstance* instance, state::Table* table) {
  table->source_object_id = instance != nullptr ? instance->source_object_id : 0;
  table->change_table_object_id = instance != nullptr ? instance->change_table_object_id : 0;
  if (instance != nullptr) table->capture_instance = instance->name;
}

}  // namespace

Status BeginHistory(const NewHistory& with) {
  state::Document& document = with.document;
  if (document.tables.empty()) {
    return Status::Invalid(
        "there is no object and no document that a new history could follow: cdc-to-s3 run begins "
        "one by itself");
  }
  for (auto& [name, table] : document.tables) {
    ARROW_RETURN_NOT_OK(SettleClaim(with, &table));
    const CaptureInstance* instance = InstanceOf(table, with.info);
    ARROW_ASSIGN_OR_RAISE(const Position start, StartOf(with, instance));
    MoveTo(start, &table);
    Bind(instance, &table);
    if (instance == nullptr) with.notes[name] = "not captured now";
  }
  document.database = with.options.database;
  document.group = with.options.group;
  document.database_guid = with.identity.guid;
  document.history_id = RandomHex(16);
  document.complete_through = Lsn{};
  document.held_back_by.clear();
  document.anchor = state::Anchor{with.info.horizon->lsn, with.info.horizon->tran_end_time};
  return Status::OK();
}

}  // namespace cdc::repair

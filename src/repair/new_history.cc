#include "repair/new_history.h"

#include <algorithm>

#include "base/random.h"
#include "base/row_checksum.h"
#include "base/utc_text.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"
#include "rules/column_guard.h"
#include "rules/same_database.h"
#include "rules/start_at.h"
#include "rules/table_identity.h"

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;

// The oldest instance of the source table, or of the one that is called so; null where none is
// captured.
const CaptureInstance* OldestOf(int64_t source_object_id, const NewHistory& with) {
  const CaptureInstance* oldest = nullptr;
  for (const CaptureInstance& instance : with.info.instances) {
    if (instance.source_object_id != source_object_id) continue;
    if (oldest == nullptr || instance.start_lsn < oldest->start_lsn) oldest = &instance;
  }
  return oldest;
}

// A renamed table keeps its entry and is known by its id; but in another database ids mean nothing,
// and the name has to do.
const CaptureInstance* InstanceOf(const state::Table& table, bool ids_count,
                                  const NewHistory& with) {
  if (ids_count && table.source_object_id != 0) return OldestOf(table.source_object_id, with);
  for (const CaptureInstance& instance : with.info.instances) {
    if (instance.schema != table.schema || instance.table != table.name) continue;
    const bool has_entry =
        ids_count && rules::EntryOf(with.document, instance.source_object_id) != nullptr;
    return has_entry ? nullptr : OldestOf(instance.source_object_id, with);
  }
  return nullptr;
}

Result<Position> StartOf(const NewHistory& with, const CaptureInstance* instance) {
  ARROW_ASSIGN_OR_RAISE(const auto start, rules::ParseStart(with.start, with.info));
  const CaptureInstance none;
  rules::StartFacts facts{with.info.horizon->lsn, instance != nullptr ? *instance : none};
  if (const auto* time = std::get_if<UtcTime>(&start)) {
    ARROW_ASSIGN_OR_RAISE(facts.last_before, with.source.LastCommitBefore(*time));
  }
  return rules::StartAt(start, facts);
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
  table->form = {};
  table->claim.reset();
  if (claim.sequence > 1) {
    table->claim.emplace();
    table->claim->sequence = claim.sequence - 1;
    table->claim->key = claim.previous_key;
  }
  return Status::OK();
}

// The last object's name and number go on; its position means nothing in the new history.
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

// Another source table goes on under the entry's name: what was kept back of the earlier one is
// known to it by name alone.
Status TakeOver(const CaptureInstance& instance, const NewHistory& with, state::Table* table) {
  const bool remembers = !table->columns.empty() ||
                         std::ranges::any_of(table->earlier_tables, [](const auto& earlier) {
                           return !earlier.columns.empty();
                         });
  if (!remembers) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto description,
                        with.source.Describe(rules::AsCalledIn(*table, instance)));
  const std::string name = table->QualifiedName();
  const Status shown = rules::CheckColumnsOfFollower(*table, description);
  if (!shown.ok()) return shown.WithMessage("table ", name, ": ", shown.message());
  table->columns = rules::KnownColumnsOfFollower(*table, description, {});
  return Status::OK();
}

// Ids of another database could be those of other tables here; 0 is nobody's.
void Bind(const CaptureInstance* instance, bool ids_count, state::Table* table) {
  if (instance != nullptr) {
    table->source_object_id = instance->source_object_id;
    table->change_table_object_id = instance->change_table_object_id;
    table->capture_instance = instance->name;
  } else if (!ids_count) {
    table->source_object_id = table->change_table_object_id = 0;
  }
  table->earlier_instances.clear();
  if (!ids_count) table->earlier_tables.clear();
  table->follows = 0;
  table->name_today.clear();
}

}  // namespace

Status BeginHistory(const NewHistory& with) {
  state::Document& document = with.document;
  if (document.tables.empty()) {
    return Status::Invalid(
        "there is no object and no document that a new history could follow: cdc-to-s3 run begins "
        "one by itself");
  }
  const bool ids_count = rules::KeepsObjectIds(document, with.identity);
  for (auto& [name, table] : document.tables) {
    const Position delivered = document.ResumePosition(table);
    ARROW_RETURN_NOT_OK(SettleClaim(with, &table));
    const CaptureInstance* instance = InstanceOf(table, ids_count, with);
    ARROW_ASSIGN_OR_RAISE(const Position start, StartOf(with, instance));
    const bool is_other =
        instance != nullptr && (!ids_count || instance->source_object_id != table.source_object_id);
    if (is_other) ARROW_RETURN_NOT_OK(TakeOver(*instance, with, &table));
    MoveTo(start, &table);
    Bind(instance, ids_count, &table);
    for (state::EarlierTable& earlier : table.earlier_tables) {
      ARROW_ASSIGN_OR_RAISE(earlier.through,
                            StartOf(with, OldestOf(earlier.source_object_id, with)));
    }
    if (instance == nullptr) {
      with.notes[name] = "not captured now";
    } else if (start < std::min(delivered, Position::After(with.info.horizon->lsn))) {
      with.notes[name] = "the old history has delivered up to " + delivered.ToString() +
                         ": what change tables hold between that and its start comes a second "
                         "time; --start with an LSN begins behind it";
    }
  }
  document.database = with.options.database;
  document.group = with.options.group;
  document.database_guid = with.identity.guid;
  document.family_guid = with.identity.family_guid;
  document.recovery_fork_guid = with.identity.recovery_fork_guid;
  document.history_id = RandomHex(16);
  document.complete_through = Lsn{};
  document.held_back_by.clear();
  document.anchor = state::Anchor{with.info.horizon->lsn, with.info.horizon->tran_end_time};
  return Status::OK();
}

}  // namespace cdc::repair

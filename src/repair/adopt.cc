#include "repair/adopt.h"

#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/utc_text.h"
#include "repair/last_object.h"
#include "repair/new_history.h"
#include "rules/gap.h"
#include "rules/same_database.h"
#include "rules/selection.h"
#include "state/folders.h"

// A plan is made in three steps: what is there (the document if it can be read, and the newest
// object of each folder); the entries that follow from it; and last either the proof that this is
// the database of those objects, or the start of a new history.

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using Existing = AdoptionPlan::Existing;

constexpr int64_t kSuffixesMax = 100;  // copies aside within a second

Result<std::optional<Existing>> ReadExisting(const rules::Settings& options,
                                             store::Store& state_store) {
  auto content = state_store.Get(options.document().Key());
  if (store::KindOf(content.status()) == store::ErrorKind::kNotFound) return std::nullopt;
  ARROW_RETURN_NOT_OK(content.status());
  Existing existing{std::move(content->bytes), std::move(content->version), std::nullopt, ""};
  auto document = state::Document::FromJson(existing.bytes);
  if (!document.ok()) {
    existing.damage = document.status().message();
  } else if (document->database != options.database || document->group != options.group) {
    existing.damage = "it belongs to another database or group";
  } else {
    existing.document = std::move(*document);
  }
  return existing;
}

// Whole transactions at or before the place.
Lsn Whole(const Position& place) {
  return place.inside_transaction() ? place.lsn().Previous() : place.lsn();
}

class Planner {
 public:
  Planner(const rules::Settings& options, const AdoptOptions& adopt, source::Source& source,
          store::Store& data, store::Store& state_store)
      : options_(options), adopt_(adopt), source_(source), data_(data), state_(state_store) {}

  Result<AdoptionPlan> Plan() {
    ARROW_ASSIGN_OR_RAISE(identity_, source_.Identify());
    ARROW_ASSIGN_OR_RAISE(info_, source_.Poll(std::nullopt));
    if (!info_.horizon) {
      return Status::Invalid(
          "the capture process has not captured anything yet, so nothing can be said of the "
          "database: is SQL Server Agent running?");
    }
    ARROW_ASSIGN_OR_RAISE(plan_.existing, ReadExisting(options_, state_));
    if (known()) document() = *plan_.existing->document;
    ARROW_RETURN_NOT_OK(LookIntoFolders());
    if (adopt_.new_history) {
      ARROW_RETURN_NOT_OK(BeginHistory(
          {options_, adopt_.start, source_, data_, identity_, info_, document(), table_notes_}));
    } else {
      ARROW_RETURN_NOT_OK(ProveHistory());
    }
    Describe();
    return std::move(plan_);
  }

 private:
  bool known() const { return plan_.existing && plan_.existing->document; }
  state::Document& document() { return plan_.document; }
  std::map<std::string, state::Table>& tables() { return plan_.document.tables; }

  Status LookIntoFolders();
  Status LookInto(const CaptureInstance& instance);
  Status Advance(state::Table* table, const LastObject& last);
  void Enter(const CaptureInstance& instance, const rules::TableNames& names,
             const LastObject& last);

  Status ProveHistory();
  Status OneHistory();
  Status ProveDatabase();
  void EnterUndelivered();

  void NoteGaps();
  void Describe();

  const rules::Settings& options_;
  const AdoptOptions& adopt_;
  source::Source& source_;
  store::Store& data_;
  store::Store& state_;
  source::DatabaseIdentity identity_;
  source::PollInfo info_;
  AdoptionPlan plan_;
  std::map<std::string, std::string> histories_;  // of the last objects: history id -> table
  std::map<std::string, std::string> table_notes_;
  Lsn newest_;  // that any object or position has seen
};

Status Planner::LookIntoFolders() {
  ARROW_ASSIGN_OR_RAISE(const auto others, state::FoldersOfOthers(state_, options_.document()));
  // Tables that the document knows, captured or not.
  for (auto& [name, table] : tables()) {
    ARROW_ASSIGN_OR_RAISE(auto names, rules::TableNames::Make(options_.path, options_.database,
                                                              table.schema, table.name));
    if (names.FolderNumber(table.folder) == 0) {
      return Status::Invalid("[target] path gives table ", name, " the folder ", names.folder(),
                             ", but its objects are in ", table.folder, ". Put the setting back");
    }
    names = names.InFolder(names.FolderNumber(table.folder));
    auto last = FindLastObject(data_, names, table.claim ? table.claim->key : "");
    if (!last.ok()) return last.status().WithMessage("table ", name, ": ", last.status().message());
    if (*last) ARROW_RETURN_NOT_OK(Advance(&table, **last));
    newest_ = std::max(newest_, table.position.lsn());
  }
  // Captured ones that it does not know.
  const auto selection = rules::TableSelection::Make(options_.tables, options_.exclude);
  std::set<std::string> seen;
  for (const auto& [name, table] : tables()) {
    for (const std::string& folder : table.Folders()) seen.insert(folder);
  }
  for (const CaptureInstance& instance : info_.instances) {
    if (instance.table.empty() || !selection.Selects(instance.schema, instance.table)) continue;
    ARROW_ASSIGN_OR_RAISE(
        const auto names,
        rules::TableNames::Make(options_.path, options_.database, instance.schema, instance.table));
    if (others.contains(names.folder()) || !seen.insert(names.folder()).second) continue;
    const Status looked = LookInto(instance);
    if (!looked.ok()) {
      return looked.WithMessage("table ", instance.QualifiedName(), ": ", looked.message());
    }
  }
  return Status::OK();
}

Status Planner::LookInto(const CaptureInstance& instance) {
  ARROW_ASSIGN_OR_RAISE(const auto names, rules::TableNames::Make(options_.path, options_.database,
                                                                  instance.schema, instance.table));
  ARROW_ASSIGN_OR_RAISE(const auto last, FindLastObject(data_, names, ""));
  if (!last) return Status::OK();
  const pq::FooterRecord& record = last->record;
  if (record.database != options_.database) {
    return Status::Invalid("its folder holds objects of database ", record.database);
  }
  if (record.table != instance.table || record.schema != instance.schema) {
    plan_.notes.push_back("the folder " + names.folder() + " holds objects of table " +
                          record.schema + "." + record.table + ", not of " +
                          instance.QualifiedName() + ", which is left to the run");
    return Status::OK();
  }
  histories_.emplace(record.history_id, instance.QualifiedName());
  Enter(instance, names, *last);
  return Status::OK();
}

// What a claim would say of the object.
state::Claim ClaimOf(const LastObject& last) { return {last.record, last.key, /*confirmed=*/true}; }

void GoOnIn(const std::string& folder, state::Table* table) {
  if (folder == table->folder) return;
  table->earlier_folders.push_back(table->folder);
  table->folder = folder;
}

// The folder knows more than the document: it was set back.
Status Planner::Advance(state::Table* table, const LastObject& last) {
  const pq::FooterRecord& record = last.record;
  const bool ours = record.database == options_.database && record.schema == table->schema &&
                    record.table == table->name;
  if (!ours || record.sequence <= table->sequence()) {
    return Status::Invalid("table ", table->QualifiedName(), ": object ", last.key,
                           " comes after the last one that the document knows, but says that it is "
                           "number ",
                           record.sequence, " of ", record.schema, ".", record.table);
  }
  histories_.emplace(record.history_id, table->QualifiedName());
  table->claim = ClaimOf(last);
  GoOnIn(last.folder, table);
  table->form = {};  // of the objects that came since nothing was seen
  table->position = std::max(table->position, record.to);
  for (state::Gap& gap : table->gaps) {
    if (gap.carried_by == 0 && gap.to <= record.to) gap.carried_by = record.sequence;
  }
  newest_ = std::max(newest_, record.to.lsn());
  return Status::OK();
}

void Planner::Enter(const CaptureInstance& instance, const rules::TableNames& names,
                    const LastObject& last) {
  state::Table table;
  table.schema = instance.schema;
  table.name = instance.table;
  table.folder = names.folder();
  GoOnIn(last.folder, &table);
  table.source_object_id = instance.source_object_id;
  table.capture_instance = last.record.capture_instance;
  // An instance of that name that is gone keeps no id: a run then decides which one follows.
  for (const CaptureInstance& other : info_.instances) {
    if (other.source_object_id == instance.source_object_id &&
        other.name == table.capture_instance) {
      table.change_table_object_id = other.change_table_object_id;
    }
  }
  table.start = last.first_from;
  table.position = last.record.to;
  table.claim = ClaimOf(last);
  newest_ = std::max(newest_, table.position.lsn());
  tables().emplace(table.QualifiedName(), std::move(table));
}

// Going on where the objects end: only if they are of one history, and of this database.
Status Planner::ProveHistory() {
  ARROW_RETURN_NOT_OK(OneHistory());
  ARROW_RETURN_NOT_OK(ProveDatabase());
  plan_.needed = known() ? !(document() == *plan_.existing->document)
                         : plan_.existing.has_value() || !tables().empty();
  document().database = options_.database;
  document().group = options_.group;
  document().database_guid = identity_.guid;
  document().family_guid = identity_.family_guid;
  document().recovery_fork_guid = identity_.recovery_fork_guid;
  if (!known()) {
    // A lower bound: every table is complete at least up to its last object. They all count for
    // the cut, as they did; so it does not go past one that has trouble.
    document().complete_through = tables().empty() ? Lsn{} : Lsn::Max();
    for (auto& [name, table] : tables()) {
      table.in_cut = true;
      document().complete_through = std::min(document().complete_through, Whole(table.position));
    }
    EnterUndelivered();
  }
  document().anchor = state::Anchor{info_.horizon->lsn, info_.horizon->tran_end_time};
  return Status::OK();
}

Status Planner::OneHistory() {
  if (!document().history_id.empty()) histories_.emplace(document().history_id, "the document");
  if (histories_.size() > 1) {
    const auto first = histories_.begin();
    const auto second = std::next(first);
    return Status::Invalid("the last objects are of several histories: ", first->second, " of ",
                           first->first, ", ", second->second, " of ", second->first,
                           ". Nobody can go on with both; begin a new one: cdc-to-s3 adopt "
                           "--new-history --start now, or "
                           "an LSN up to which both are delivered");
  }
  document().history_id = histories_.empty() ? RandomHex(16) : histories_.begin()->first;
  return Status::OK();
}

// What the document and the objects have seen must be in the server's own list of commits.
Status Planner::ProveDatabase() {
  rules::HistoryVerdict verdict;
  if (const auto& anchor = document().anchor) {
    ARROW_ASSIGN_OR_RAISE(info_, source_.Poll(anchor->lsn));
    const auto database = rules::JudgeDatabase(document(), identity_, info_);
    verdict = {database.history, database.why};
  }
  if (verdict.history != rules::History::kReplaced && !newest_.is_zero()) {
    ARROW_ASSIGN_OR_RAISE(info_, source_.Poll(newest_));
    // An object does not tell how the server wrote its time: being there has to do.
    verdict = rules::JudgeHistory(state::Anchor{newest_, info_.anchor_time.value_or("")}, info_);
  }
  if (verdict.history == rules::History::kReplaced) {
    return Status::Invalid(
        "the database was restored, or is not the one that the objects come from: ", verdict.why,
        ". ", rules::AdviceForReplaced(document(), info_));
  }
  if (verdict.history == rules::History::kWait || !info_.horizon || info_.horizon->lsn < newest_) {
    return Status::Invalid("the server does not show ", newest_.ToString(),
                           ", which was delivered already: a replica that lags, or a database that "
                           "was set back");
  }
  if (verdict.history == rules::History::kPassed) {
    plan_.notes.push_back(
        "retention has passed the newest object, so it cannot be proved that this is its database; "
        "what was lost in between shows as gaps");
  }
  return Status::OK();
}

// With start = "now" a run would skip what the lost document still had to deliver of tables without
// an object.
void Planner::EnterUndelivered() {
  if (options_.start != "now") return;
  const auto selection = rules::TableSelection::Make(options_.tables, options_.exclude);
  for (const CaptureInstance& instance : info_.instances) {
    const auto names =
        rules::TableNames::Make(options_.path, options_.database, instance.schema, instance.table);
    if (instance.table.empty() || !selection.Selects(instance.schema, instance.table) ||
        !names.ok() || tables().contains(instance.QualifiedName()) ||
        instance.start_lsn.is_zero() || instance.start_lsn.Previous() > info_.horizon->lsn ||
        std::ranges::any_of(
            tables(), [&](const auto& entry) { return entry.second.folder == names->folder(); })) {
      continue;
    }
    state::Table table;
    table.schema = instance.schema;
    table.name = instance.table;
    table.folder = names->folder();
    table.source_object_id = instance.source_object_id;
    table.change_table_object_id = instance.change_table_object_id;
    table.capture_instance = instance.name;
    table.start = table.position = Position::After(instance.start_lsn.Previous());
    table_notes_[table.QualifiedName()] =
        "no object yet; everything that is kept, because start = now would skip what was not "
        "delivered";
    tables().emplace(table.QualifiedName(), std::move(table));
  }
}

// A rebuilt document knows less of idle tables than the lost one did: only their last objects.
void Planner::NoteGaps() {
  for (const CaptureInstance& instance : info_.instances) {
    const auto found = tables().find(instance.QualifiedName());
    if (found == tables().end() || found->second.capture_instance != instance.name) continue;
    if (!rules::RowsMayBeGone(instance.start_lsn, document().PlaceOf(found->second))) continue;
    table_notes_[found->first] = "retention has passed this: a gap, see accept-gap";
  }
}

void Planner::Describe() {
  NoteGaps();
  for (const auto& [name, table] : tables()) {
    plan_.tables.push_back({name, table.sequence(), table.claim ? table.claim->key : "",
                            table.position, table_notes_[name]});
  }
}

Result<std::string> CopyAside(const rules::Settings& options, const Existing& existing,
                              store::Store& state_store, const Clock& clock) {
  std::string stamp = FormatUtc(clock.UtcNow());
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::string base = options.document().Key() + "." + stamp;
  // Beside a name that is as long as names may be there is no room.
  if (!state_store.key_limits().Hold(base + "_100")) base = "_cdc_to_s3/document." + stamp;
  // Never over another copy.
  for (int64_t suffix = 0;; ++suffix) {
    const std::string key = suffix == 0 ? base : base + "_" + std::to_string(suffix);
    const auto copied = state_store.Swap(key, existing.bytes, std::nullopt);
    if (copied.ok()) return key;
    if (store::KindOf(copied.status()) != store::ErrorKind::kConflict || suffix == kSuffixesMax) {
      return copied.status();
    }
  }
}

}  // namespace

Result<AdoptionPlan> PlanAdoption(const rules::Settings& options, const AdoptOptions& adopt,
                                  source::Source& source, store::Store& data,
                                  store::Store& state_store) {
  return Planner(options, adopt, source, data, state_store).Plan();
}

Result<std::string> Adopt(const rules::Settings& options, const AdoptionPlan& plan,
                          store::Store& state_store, const Clock& clock) {
  std::string aside;
  std::optional<state::Stored> stored;
  if (plan.existing) {
    ARROW_ASSIGN_OR_RAISE(aside, CopyAside(options, *plan.existing, state_store, clock));
    stored = state::Stored{plan.document, plan.existing->version};
  }
  ARROW_ASSIGN_OR_RAISE(auto owned, state::OwnedDocument::TakeOver(state_store, clock, stored,
                                                                   plan.document, options.lease));
  ARROW_RETURN_NOT_OK(owned.Release());
  return aside;
}

}  // namespace cdc::repair

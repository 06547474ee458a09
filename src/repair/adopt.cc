#include "repair/adopt.h"

#include <algorithm>

#include "base/random.h"
#include "base/utc_text.h"
#include "repair/find_tables.h"
#include "repair/new_history.h"
#include "rules/gap.h"
#include "rules/naming.h"
#include "rules/same_database.h"
#include "rules/selection.h"
#include "rules/start_at.h"
#include "rules/table_identity.h"

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

class Planner {
 public:
  Planner(const rules::Settings& options, const AdoptOptions& adopt, source::Source& source,
          store::Store& data, store::Store& state_store)
      : options_(options),
        adopt_(adopt),
        source_(source),
        data_(data),
        state_(state_store),
        selection_(rules::TableSelection::Make(options.tables, options.exclude)) {}

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
    ARROW_ASSIGN_OR_RAISE(found_,
                          FindTables({options_, data_, state_, source_, info_}, &document()));
    plan_.notes = found_.notes;
    table_notes_ = found_.table_notes;
    if (!known()) {
      document().database_guid = found_.database_guid;
      document().family_guid = found_.family_guid;
    }
    if (adopt_.new_history) {
      ARROW_RETURN_NOT_OK(BeginHistory(
          {options_, adopt_.start, source_, data_, identity_, info_, document(), table_notes_}));
      NoteStart();
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

  // Under whatever name.
  bool IsEntered(const CaptureInstance& instance) const {
    return std::ranges::any_of(plan_.document.tables, [&](const auto& entry) {
      return entry.second.source_object_id == instance.source_object_id;
    });
  }

  Status ProveHistory();
  Status OneHistory();
  Status ProveDatabase();
  void EnterUndelivered();

  void NoteStart();
  void NoteGaps();
  void Describe();

  const rules::Settings& options_;
  const AdoptOptions& adopt_;
  source::Source& source_;
  store::Store& data_;
  store::Store& state_;
  const rules::TableSelection selection_;
  source::DatabaseIdentity identity_;
  source::PollInfo info_;
  AdoptionPlan plan_;
  FoundTables found_;
  std::map<std::string, std::string> table_notes_;
};

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
    // the consistent cut, as they did; so it does not go past one that has trouble.
    const bool any = std::ranges::any_of(tables(), [&](const auto& entry) {
      return selection_.Selects(entry.second.schema, entry.second.name);
    });
    document().complete_through = any ? Lsn::Max() : Lsn{};
    for (auto& [name, table] : tables()) {
      if (!selection_.Selects(table.schema, table.name)) continue;
      table.in_cut = true;
      document().complete_through =
          std::min(document().complete_through, table.position.WholeTransactions());
    }
    EnterUndelivered();
  }
  document().anchor = state::Anchor{info_.horizon->lsn, info_.horizon->tran_end_time};
  return Status::OK();
}

Status Planner::OneHistory() {
  if (!document().history_id.empty())
    found_.histories.emplace(document().history_id, "the document");
  if (found_.histories.size() > 1) {
    const auto first = found_.histories.begin();
    const auto second = std::next(first);
    return Status::Invalid("the last objects are of several histories: ", first->second, " of ",
                           first->first, ", ", second->second, " of ", second->first,
                           ". Nobody can go on with both; begin a new one: cdc-to-s3 adopt "
                           "--new-history --start now, or "
                           "an LSN up to which both are delivered");
  }
  document().history_id =
      found_.histories.empty() ? RandomHex(16) : found_.histories.begin()->first;
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
  if (verdict.history != rules::History::kReplaced && !found_.newest.is_zero()) {
    ARROW_ASSIGN_OR_RAISE(info_, source_.Poll(found_.newest));
    // An object does not tell how the server wrote its time: being there has to do.
    verdict =
        rules::JudgeHistory(state::Anchor{found_.newest, info_.anchor_time.value_or("")}, info_);
  }
  if (verdict.history == rules::History::kReplaced) {
    return Status::Invalid(
        "the database was restored, or is not the one that the objects come from: ", verdict.why,
        ". ", rules::AdviceForReplaced(document(), info_));
  }
  if (verdict.history == rules::History::kWait || !info_.horizon ||
      info_.horizon->lsn < found_.newest) {
    return Status::Invalid("the server does not show ", found_.newest.ToString(),
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
  for (const CaptureInstance& instance : info_.instances) {
    const auto names =
        rules::TableNames::Make(options_.path, options_.database, instance.schema, instance.table);
    if (instance.table.empty() || !selection_.Selects(instance.schema, instance.table) ||
        !names.ok() || tables().contains(instance.QualifiedName()) || IsEntered(instance) ||
        instance.start_lsn.is_zero() || instance.start_lsn.Previous() > info_.horizon->lsn ||
        !HolderOf(document(), names->folder()).empty()) {
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
    // What an earlier entry had of it is not delivered again.
    if (const auto* before = rules::DeliveredBefore(document(), instance.source_object_id)) {
      table.start = table.position = std::max(table.position, before->through);
      table.columns = before->columns;
    }
    table_notes_[table.QualifiedName()] =
        "no object yet; everything that is kept, because start = now would skip what was not "
        "delivered";
    tables().emplace(table.QualifiedName(), std::move(table));
  }
}

void Planner::NoteStart() {
  const auto start = rules::ParseStart(adopt_.start);
  if (!start.ok() || !std::holds_alternative<Lsn>(*start)) return;
  plan_.notes.push_back(
      "where the database was set back: what it has committed since at LSNs up to " + adopt_.start +
      " is not delivered, because it cannot be told from what was");
}

// A rebuilt document knows less of idle tables than the lost one did: only their last objects.
void Planner::NoteGaps() {
  for (const auto& [name, table] : tables()) {
    for (const CaptureInstance& instance : info_.instances) {
      if (instance.source_object_id != table.source_object_id ||
          instance.name != table.capture_instance ||
          !rules::RowsMayBeGone(instance.start_lsn, document().ResumePosition(table))) {
        continue;
      }
      std::string& note = table_notes_[name];
      note += (note.empty() ? "" : "; ") + std::string("retention has passed this: a gap, see ") +
              "accept-gap";
    }
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

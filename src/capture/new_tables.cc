#include "capture/new_tables.h"

#include <algorithm>
#include <memory>
#include <set>

#include "base/events.h"
#include "base/utc_text.h"
#include "capture/folders.h"
#include "capture/groups.h"
#include "capture/instances.h"
#include "capture/read_task.h"
#include "rules/column_guard.h"
#include "rules/holders.h"
#include "rules/instance_choice.h"
#include "rules/same_database.h"
#include "rules/start_at.h"
#include "rules/table_identity.h"
#include "state/edits.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using source::PollInfo;

// Of a table that may come in: what a worker has found out.
struct Candidate {
  CaptureInstance instance;
  std::string name;  // schema.name
  rules::TableNames names;
  rules::KnownColumns columns;        // how another entry delivered them, then how this one will
  std::optional<Position> begins_at;  // where the folder ends that had the table before
};

const state::Table* Find(const std::map<std::string, state::Table>& tables,
                         const std::string& name) {
  const auto found = tables.find(name);
  return found == tables.end() ? nullptr : &found->second;
}

Status ReadsLike(const std::string& other) {
  return StopsTable("its full name reads like that of table " + other +
                    ", and the state could not tell them apart; rename one of the two");
}

// Nothing is known of the source table that the entry has now: no row of it was read.
bool IsUntouched(const state::Table& table) {
  return !table.in_cut && table.empty_through.is_zero() &&
         (!table.claim || table.position == table.start);
}

// On a worker's thread: can everything of it be read, and is its folder free?
Status Examine(const Tools& tools, Candidate& candidate, const Lsn& horizon) {
  ARROW_RETURN_NOT_OK(candidate.names.CheckFits(tools.data.key_limits(), tools.data.url()));
  {
    ARROW_ASSIGN_OR_RAISE(auto source, tools.sources.Borrow(horizon, tools.database_guid));
    ARROW_ASSIGN_OR_RAISE(
        const auto description,
        DescribeGuarded(*source, candidate.name, candidate.instance, candidate.columns));
    candidate.columns = rules::KnownColumnsOf(description, candidate.columns);
    // Opening a reader over an empty window asks nothing of the server but whether every type is
    // known.
    ARROW_RETURN_NOT_OK(
        source->Read(description, Position::After(horizon), Position::After(horizon)).status());
  }
  return UnlessListingIsOptional(tools.options,
                                 CheckFolder(tools.data, candidate.names, "", candidate.name));
}

class NewTables {
 public:
  NewTables(Context& context, const PollInfo& info) : context_(context), info_(info) {}

  Status Add() {
    ARROW_RETURN_NOT_OK(FindCandidates());
    ForgetSettled();
    if (!candidates_.empty()) {
      const auto others = LookAtOthers(context_.options, context_.with.state);
      ARROW_RETURN_NOT_OK(others.ok() ? Refuse(*others) : LetWait(others.status()));
      ARROW_RETURN_NOT_OK(ExamineAll());
      ARROW_RETURN_NOT_OK(Enter());
    }
    return Withdraw();
  }

 private:
  Status FindCandidates();
  void ForgetSettled();
  arrow::Result<bool> MayComeIn(const CaptureInstance& instance);
  Status LetWait(const Status& why);
  Status Refuse(const state::OtherTables& others);
  Status ExamineAll();
  Status Strange(const Candidate& candidate, const Status& why);
  Status Enter();
  Status Withdraw();
  Result<Position> StartOf(const Candidate& candidate);

  const Lsn& horizon() const { return info_.horizon->lsn; }
  // An object that our document does not know may be the work of a copy that took over from us.
  Status Trouble(const std::string& name, const Status& why) {
    if (IsStopsEverything(why)) ARROW_RETURN_NOT_OK(context_.held.Confirm());
    troubled_.insert(name);
    return context_.known.WorkerTrouble(name, why);
  }

  Context& context_;
  const PollInfo& info_;
  std::vector<Candidate> candidates_;
  std::set<std::string> troubled_;
  std::map<std::string, state::Table> added_;
  std::set<std::string> go_on_;  // of those, where another entry had the table before
  // The last commit before the time that `start` says: one question for a thousand tables.
  std::optional<std::optional<Lsn>> before_start_;
};

// Whether the instance stands for a table that the document does not know; trouble of a table that
// cannot be told from another one is recorded.
Result<bool> NewTables::MayComeIn(const CaptureInstance& instance) {
  const auto& known = context_.document().tables;
  if (rules::EntryOf(context_.document(), instance.source_object_id) != nullptr) return false;
  if (instance.table.empty()) {
    const std::string name = "capture instance " + instance.name;
    if (context_.known.IsResting(name)) return false;
    ARROW_RETURN_NOT_OK(Trouble(
        name, StopsTable("the login may not see the source table's name; GRANT VIEW DEFINITION ON "
                         "DATABASE to it")));
    return false;
  }
  if (!context_.selection.Selects(instance.schema, instance.table)) return false;
  std::string name = instance.QualifiedName();
  const state::Table* namesake = Find(known, name);
  // Another table under a name that is delivered: the entry of that name says so.
  if (namesake != nullptr && namesake->schema == instance.schema) return false;
  std::string other;
  if (namesake != nullptr) {
    other = "[" + namesake->schema + "].[" + namesake->name + "]";
  } else {
    const auto beside = std::ranges::find_if(
        candidates_, [&](const Candidate& candidate) { return candidate.name == name; });
    if (beside != candidates_.end()) {
      other = "[" + beside->instance.schema + "].[" + beside->instance.table + "]";
    }
  }
  if (!other.empty()) {
    name = "[" + instance.schema + "].[" + instance.table + "]";
    if (!context_.known.IsResting(name)) ARROW_RETURN_NOT_OK(Trouble(name, ReadsLike(other)));
    return false;
  }
  return !context_.known.IsResting(name);
}

Status NewTables::FindCandidates() {
  std::set<int64_t> seen;  // source tables
  for (const CaptureInstance& some : info_.instances) {
    if (seen.contains(some.source_object_id)) continue;
    ARROW_ASSIGN_OR_RAISE(const bool wanted, MayComeIn(some));
    if (!wanted) continue;
    seen.insert(some.source_object_id);
    // Null: the capture process has not seen it yet, or the horizon has not reached its start.
    const CaptureInstance* first =
        rules::FirstInstance(some.source_object_id, FactsOf(context_, info_));
    if (first == nullptr) continue;
    auto names = rules::TableNames::Make(context_.options.path, context_.options.database,
                                         first->schema, first->table);
    if (names.ok()) {
      candidates_.push_back({*first, first->QualifiedName(), std::move(*names), {}, {}});
    } else {
      ARROW_RETURN_NOT_OK(Trouble(first->QualifiedName(), names.status()));
    }
  }
  return Status::OK();
}

// What could not come in for a reason that is gone, or is not captured any more.
void NewTables::ForgetSettled() {
  for (auto entry = context_.known.all().begin(); entry != context_.known.all().end();) {
    const std::string& name = entry->first;
    const bool comes = std::ranges::any_of(
        candidates_, [&](const Candidate& candidate) { return candidate.name == name; });
    if (context_.document().tables.contains(name) || troubled_.contains(name) || comes ||
        context_.known.IsResting(name)) {
      ++entry;
      continue;
    }
    context_.with.observer.OnTableGone(name);
    entry = context_.known.all().erase(entry);
  }
}

// Another document cannot be read: only tables that it may have wait for it.
Status NewTables::LetWait(const Status& why) {
  for (const Candidate& candidate : candidates_) {
    ARROW_RETURN_NOT_OK(Trouble(candidate.name, NotKnownWhose(why)));
  }
  candidates_.clear();
  return Status::OK();
}

// What is left begins where another entry ended that had the table before.
Status NewTables::Refuse(const state::OtherTables& others) {
  rules::Holders holders(&context_.document(), others, context_.options.database);
  std::vector<Candidate> free;
  for (Candidate& candidate : candidates_) {
    const int64_t id = candidate.instance.source_object_id;
    const rules::Newcomer table{candidate.name, id, candidate.names.folder()};
    if (const std::string why = holders.WhyRefused(table); !why.empty()) {
      ARROW_RETURN_NOT_OK(Trouble(candidate.name, StopsTable(why)));
      continue;
    }
    holders.Take(table);
    if (const auto* before = rules::DeliveredBefore(context_.document(), others, id)) {
      candidate.columns = before->columns;
      candidate.begins_at = before->through;
    }
    free.push_back(std::move(candidate));
  }
  candidates_ = std::move(free);
  return Status::OK();
}

Status NewTables::ExamineAll() {
  const auto tools = Tools::Of(context_);
  const auto good = std::make_shared<std::vector<Candidate>>();
  for (Candidate& candidate : candidates_) {
    const auto work = std::make_shared<Candidate>(std::move(candidate));
    context_.with.executor.Post(Executor::Lane::kRead,
                                [this, tools, good, work, through = horizon()] {
                                  const Status examined = Examine(*tools, *work, through);
                                  return [this, good, work, examined]() -> Status {
                                    if (IsStopsEverything(examined))
                                      return Strange(*work, examined);
                                    if (!examined.ok()) return Trouble(work->name, examined);
                                    good->push_back(std::move(*work));
                                    return Status::OK();
                                  };
                                });
  }
  ARROW_RETURN_NOT_OK(context_.work.Gather());
  candidates_ = std::move(*good);
  return Status::OK();
}

// Objects that our document does not know: another group's, which has entered the table since we
// looked, or those of a document that was lost.
Status NewTables::Strange(const Candidate& candidate, const Status& why) {
  // It may be the work of a copy that took over from us.
  ARROW_RETURN_NOT_OK(context_.held.Confirm());
  const auto others = LookAtOthers(context_.options, context_.with.state);
  if (!others.ok()) return Trouble(candidate.name, NotKnownWhose(others.status()));
  const std::string whose = rules::WhyAnothers(
      *others, context_.options.database,
      {candidate.name, candidate.instance.source_object_id, candidate.names.folder()});
  if (!whose.empty()) return Trouble(candidate.name, StopsTable(whose));
  return Trouble(candidate.name, StopsTable(why.message()));
}

Result<Position> NewTables::StartOf(const Candidate& candidate) {
  // Its rows up to there are in another folder, and no row is in two.
  if (candidate.begins_at) return *candidate.begins_at;
  const auto start = rules::ParseStart(context_.options.start, info_);
  if (!start.ok()) return StopsTable(start.status().message());
  rules::StartFacts facts{horizon(), candidate.instance};
  if (const auto* time = std::get_if<UtcTime>(&*start)) {
    if (!before_start_) {
      ARROW_ASSIGN_OR_RAISE(before_start_, context_.with.source.LastCommitBefore(*time));
    }
    facts.last_before = *before_start_;
  }
  if (rules::AsksWhetherWhole(*start, candidate.instance)) {
    ARROW_ASSIGN_OR_RAISE(facts.instance_is_whole,
                          context_.with.source.IsWhole(candidate.instance));
  }
  return rules::StartAt(*start, facts);
}

Status NewTables::Enter() {
  for (const Candidate& candidate : candidates_) {
    const auto start = StartOf(candidate);
    if (!start.ok()) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(candidate.name, start.status()));
      continue;
    }
    state::Table table;
    table.schema = candidate.instance.schema;
    table.name = candidate.instance.table;
    table.source_object_id = candidate.instance.source_object_id;
    table.change_table_object_id = candidate.instance.change_table_object_id;
    table.capture_instance = candidate.instance.name;
    table.folder = candidate.names.folder();
    table.start = table.position = *start;
    table.columns = candidate.columns;
    if (candidate.begins_at) go_on_.insert(candidate.name);
    added_.emplace(candidate.name, std::move(table));
  }
  if (added_.empty()) return Status::OK();
  // INVARIANT: The entry with its start is in the document before the first read.
  state::Edits edits;
  for (const auto& [name, table] : added_) edits.emplace_back(state::EnterTable{table});
  edits.emplace_back(state::MoveAnchor{rules::AnchorOf(*info_.horizon)});
  ARROW_RETURN_NOT_OK(context_.held.Swap(edits));
  for (const auto& [name, table] : added_) {
    context_.known.ResumeTable(name);
    TableRuntime& runtime = context_.known[name];
    runtime.life = Life::kSeen;
    runtime.fresh_start = context_.options.start == "oldest" && !go_on_.contains(name);
    LogEvent(Level::kInfo, "table_added",
             {{"table", name}, {"start", table.start.ToString()}, {"folder", table.folder}});
  }
  return Status::OK();
}

// INVARIANT: Did another group enter the same table in the same moment? Asked of every table of which
// nothing is known yet: we may have been broken off, or another program here, before the answer.
Status NewTables::Withdraw() {
  std::vector<std::string> untouched;
  for (const auto& [name, table] : context_.document().tables) {
    const bool asked = context_.known[name].life == Life::kOurs;
    if (IsUntouched(table) && context_.selects(table) && !asked) untouched.push_back(name);
  }
  if (untouched.empty()) return Status::OK();
  const auto others = LookAtOthers(context_.options, context_.with.state);
  if (!others.ok()) {
    for (const std::string& name : untouched) {
      ARROW_RETURN_NOT_OK(context_.known.StopTable(name, NotKnownWhose(others.status())));
    }
    return Status::OK();
  }
  std::map<std::string, Status> conflicts;
  state::Edits edits;
  for (const std::string& name : untouched) {
    const Status anothers = IfAnothers(context_, *others, name);
    if (!anothers.ok()) {
      conflicts[name] = anothers;
      // One that has followed another table keeps what it has of that.
      if (!context_.table(name).claim) edits.emplace_back(state::WithdrawTable{name});
    } else if (context_.known[name].life == Life::kSeen) {
      context_.known[name].life = Life::kOurs;
    }
  }
  if (!edits.empty()) ARROW_RETURN_NOT_OK(context_.held.Swap(edits));
  for (const auto& [name, why] : conflicts) {
    ARROW_RETURN_NOT_OK(context_.known.StopTable(name, why));
  }
  return Status::OK();
}

}  // namespace

Status AddNewTables(Context& context, const PollInfo& info) {
  return NewTables(context, info).Add();
}

}  // namespace cdc::capture

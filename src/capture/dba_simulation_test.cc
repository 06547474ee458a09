#include <gtest/gtest.h>

#include "capture/testing/dba_judge.h"
#include "capture/testing/turmoil.h"

// Random acts of a database's administrator beside a workload and copies that are killed
// (turmoil.h): tables are renamed, swapped, dropped and made anew, captured and not, by one
// instance or two; columns are renamed, names are hidden, cleanup runs. In the end every row of
// every selected table is in one object, once, in order and masked as the settings say; or it is in
// a gap; or the last run tells its table (dba_judge.h).
//
// CDC_DBA_SIMULATION_SEED=<n> replays one schedule, CDC_DBA_SIMULATION_COUNT=<n> sets how many are
// run.

namespace cdc::capture::testing {
namespace {

// What the schedules came to, all together.
struct Tally {
  int64_t followed = 0, gaps = 0, delivered = 0, told = 0, told_of_columns = 0, told_replaced = 0;
};

columns::OutputRule Mask(const std::string& tables, const std::string& column,
                         const std::string& word) {
  columns::OutputRule rule;
  rule.tables = tables;
  rule.columns = column;
  rule.words["mask"] = word;
  return rule;
}

columns::OutputRule Lists(std::vector<std::string> only, std::vector<std::string> exclude) {
  columns::OutputRule rule;
  rule.only = std::move(only);
  rule.exclude = std::move(exclude);
  return rule;
}

class DbaSimulation : public Turmoil {
 public:
  DbaSimulation(uint64_t seed, bool keeps_columns_back, Tally* tally)
      : Turmoil(seed), tally_(*tally), dba_(world_.database, [this](int64_t id, const RowKey& row) {
          return IsUnknown(id, row);
        }) {
    for (const char* name : {"A", "B", "C"}) dba_.On(dba_.Create("dbo", name), Below(2) == 0);
    if (Below(3) == 0) world_.options.tables = {"dbo.A", "dbo.B", "dbo.C"};
    if (keeps_columns_back) WriteSettings();
    ChangeWays();
  }

  std::string Run() {
    for (int step = 0; step < 10; ++step) {
      Work();
      RunCopy();
      world_.clock.Advance(std::chrono::milliseconds(Below(3'000)));
      if (Below(4) == 0) MoveConsumed();
      if (Below(8) == 0) ChangeWays();
      if (Below(8) == 0) CoverNewNames();
    }
    calm_ = true;
    if (Below(4) != 0) world_.database.hidden.clear();
    for (const int64_t id : Tables()) {
      if (Below(2) == 0) On(id);
    }
    CommitToAll();
    if (const std::string trouble = ComeToRest(); !trouble.empty()) return trouble;
    return Judge();
  }

 private:
  void Work() override {
    CommitSome();
    if (Below(2) == 0) Act();
  }

  void CommitSome() {
    for (uint64_t i = Below(3); i > 0; --i) {
      std::map<int64_t, std::vector<int32_t>> operations;
      for (const int64_t id : Tables()) {
        auto list = SomeOperations();
        if (!list.empty()) operations[id] = std::move(list);
      }
      dba_.Commit(operations);
    }
  }

  void CommitToAll() {
    std::map<int64_t, std::vector<int32_t>> operations;
    for (const int64_t id : Tables()) operations[id] = {2};
    dba_.Commit(operations);
  }

  // Those that there are.
  std::vector<int64_t> Tables() const {
    std::vector<int64_t> ids;
    for (const auto& [id, table] : dba_.tables) {
      if (!table.dropped) ids.push_back(id);
    }
    return ids;
  }
  int64_t AnyTable() {
    const auto ids = Tables();
    return ids[Below(ids.size())];
  }

  void Act() {
    const int64_t id = AnyTable();
    switch (Below(12)) {
      case 0:
        return dba_.Rename(id, "dbo", FreeName("dbo"));
      case 1:
        return Swap(id);
      case 2:
        return DropAndCreate(id);
      case 3:
        return Exchange(id, AnyTable());
      case 4:
        dba_.Off(id);
        if (Below(3) != 0) On(id);
        return;
      case 5:
        return On(id);
      case 6:
        if (dba_.tables.at(id).instances.size() == 2) dba_.OffOne(id, Below(4) == 0 ? 1 : 0);
        return;
      case 7:
        dba_.RenameColumn(id, static_cast<int32_t>(2 + Below(3)), NewColumnName());
        if (Below(3) == 0) dba_.Off(id);
        if (Below(3) != 0) On(id);
        return;
      case 8:
        return HideNames(id);
      case 9:
        return Cleanup();
      case 10:
        world_.database.guid = "guid" + std::to_string(++names_);
        return;
      default:
        return Transfer(id);
    }
  }

  // One that was there before, or a new one.
  std::string FreeName(const std::string& schema) {
    const std::string base(1, static_cast<char>('A' + Below(3)));
    if (Below(2) == 0 && !dba_.Find(schema, base)) return base;
    return base + "_" + std::to_string(++names_);
  }

  std::string NewColumnName() { return "Column_" + std::to_string(++names_); }

  void On(int64_t id) {
    std::vector<int32_t> columns;
    if (Below(4) == 0) columns = {1, static_cast<int32_t>(2 + Below(2)), 4};
    dba_.On(id, Below(2) == 0, columns);
  }

  // Another table, one of the captured ones or a new one with rows of its own, takes the name.
  void Swap(int64_t id) {
    const Dba::SourceTable before = dba_.tables.at(id);
    int64_t other = Below(2) == 0 ? ReplacedTable() : AnyTable();
    if (other == 0 || other == id || Below(3) == 0) other = dba_.Create("dbo", FreeName("dbo"));
    if (Below(2) == 0) On(other);
    CommitSome();
    dba_.Rename(id, before.schema, FreeName(before.schema));
    if (Below(3) == 0) CommitSome();
    dba_.Rename(other, before.schema, before.name);
    if (Below(3) != 0) On(other);
    if (Below(3) == 0) dba_.Off(id);
    if (Below(4) == 0) dba_.Drop(id);
  }

  // One that another table has followed, and that may come back under any name; or 0.
  int64_t ReplacedTable() const {
    const auto document = Document();
    if (!document) return 0;
    for (const int64_t id : Tables()) {
      const bool has_entry = rules::EntryOf(*document, id) != nullptr;
      if (!has_entry && rules::DeliveredBefore(*document, id) != nullptr) return id;
    }
    return 0;
  }

  void DropAndCreate(int64_t id) {
    const Dba::SourceTable before = dba_.tables.at(id);
    dba_.Drop(id);
    const int64_t made = dba_.Create(before.schema, before.name);
    if (Below(5) != 0) On(made);
  }

  void Exchange(int64_t one, int64_t other) {
    const Dba::SourceTable first = dba_.tables.at(one), second = dba_.tables.at(other);
    dba_.Rename(one, "dbo", FreeName("dbo"));
    dba_.Rename(other, first.schema, first.name);
    dba_.Rename(one, second.schema, second.name);
  }

  // DENY VIEW DEFINITION on one table, REVOKE on all, and GRANT.
  void HideNames(int64_t id) {
    switch (Below(3)) {
      case 0:
        world_.database.hidden.insert(id);
        return;
      case 1:
        for (const auto& [one, table] : dba_.tables) world_.database.hidden.insert(one);
        return;
      default:
        world_.database.hidden.clear();
    }
  }

  void Cleanup() {
    const auto& mapping = world_.database.mapping;
    if (!mapping.empty()) dba_.Cleanup(mapping[Below(mapping.size())]);
  }

  void Transfer(int64_t id) {
    const Dba::SourceTable& table = dba_.tables.at(id);
    dba_.Rename(id, table.schema == "dbo" ? "archive" : "dbo", std::string(table.name));
  }

  // How an operator lets the program go on by itself.
  void ChangeWays() {
    world_.options.on_gap = Below(3) == 0 ? rules::OnGap::kStop : rules::OnGap::kContinue;
    world_.options.on_replace = Below(2) == 0 ? rules::OnReplace::kStop : rules::OnReplace::kFollow;
  }

  void WriteSettings() {
    auto& rules = world_.database.output;
    rules.mask_key = std::make_shared<const std::string>("0123456789abcdef");
    switch (Below(5)) {
      case 0:
        rules.rules = {Mask("*", "Mail", "null"), Lists({}, {"Secret"})};
        return;
      case 1:
        rules.rules = {Mask("dbo.A", "Mail", "hash"), Mask("dbo.B", "Secret", "null")};
        return;
      case 2:
        rules.rules = {Lists({"Id", "Mail", "Note"}, {}), Mask("*", "Mail", "hash")};
        return;
      case 3:
        rules.rules = {Lists({"Id", "Note"}, {})};
        return;
      default:
        rules.rules = {Mask("dbo.A", "*", "null"), Mask("dbo.B", "Mail", "null")};
    }
  }

  // An operator who has read what stops a table: whatever has a new name is masked. Only while no
  // copy is at work, so that it is known with which settings each object was put.
  void CoverNewNames() {
    if (world_.database.output.rules.empty()) return;
    NoteSettings();
    world_.database.output.rules.push_back(Mask("*", "Column_*", "null"));
  }

  void NoteSettings() {
    for (const auto& [folder, objects] : Folders()) {
      for (const SeenObject& object : objects) {
        settings_of_.emplace(object.key, world_.database.output);
      }
    }
  }

  // Rows that go are lost to nobody where no entry has promised them: the table has none, or one of
  // which nothing was read yet.
  bool IsUnknown(int64_t id, const RowKey& row) const {
    const auto document = Document();
    if (!document) return true;
    if (const state::Table* entry = rules::EntryOf(*document, id)) {
      return !entry->claim && entry->position == entry->start && !entry->in_cut &&
             entry->empty_through.is_zero();
    }
    const state::EarlierTable* before = rules::DeliveredBefore(*document, id);
    return before == nullptr || !before->through.Covers(row);
  }

  // Runs until there is nothing more to do; what the last one says is what people are told.
  std::string ComeToRest() {
    constexpr int kRuns = 3;  // a table that could not be judged in one is in the next
    for (int run = 1; run <= kRuns; ++run) {
      world_.clock.Advance(std::chrono::minutes(2));
      told_.clear();
      if (const std::string trouble = RunCalmCopy(); !trouble.empty()) return trouble;
    }
    return "";
  }

  // As a run with --once does: rounds, while there is more.
  std::string RunCalmCopy() {
    constexpr int kRoundsMax = 20;
    Writer writer(world_);
    if (const auto started = writer.Start(); !started.ok())
      return "cannot start: " + started.message();
    for (int round = 1; round <= kRoundsMax; ++round) {
      const auto report = writer.Round();
      if (!report.ok()) return "cannot end: " + report.status().message();
      if (report->more || report->try_again) continue;
      for (const auto& [name, why] : report->stopped) told_[name] = why;
      const auto finished = writer.capture().Finish();
      return finished.ok() ? "" : "cannot finish: " + finished.message();
    }
    return "it does not come to rest";
  }

  std::string Judge() {
    if (!alarms_.empty()) return "false alarm: " + alarms_;
    NoteSettings();
    const auto folders = Folders();
    const auto document = *Document();
    const auto selection = rules::TableSelection::Make(world_.options.tables, {});
    std::set<std::string> told;
    for (const auto& [name, why] : told_) told.insert(name);
    const DbaJudge::Facts facts{
        dba_,    world_.database.hidden, selection, document,
        folders, settings_of_,           told,      MakeLsn(world_.database.mapping.back())};
    const DbaJudge judge(facts);
    Count(document, judge);
    std::string wrong = judge.Judge();
    if (wrong.empty()) return "";
    for (const auto& [name, why] : told_) wrong += "\n  told: " + name + ": " + why;
    return wrong;
  }

  void Count(const state::Document& document, const DbaJudge& judge) {
    for (const auto& [name, table] : document.tables) {
      tally_.followed += std::ssize(table.earlier_tables);
      tally_.gaps += std::ssize(table.gaps);
    }
    for (const int64_t id : Tables()) ++(judge.IsTold(id) ? tally_.told : tally_.delivered);
    for (const auto& [name, why] : told_) {
      tally_.told_of_columns += why.starts_with("column ") ? 1 : 0;
      tally_.told_replaced += why.starts_with("another table is captured") ? 1 : 0;
    }
  }

  Tally& tally_;
  Dba dba_;
  int64_t names_ = 0;
  std::map<std::string, columns::OutputRules> settings_of_;  // by key
  std::map<std::string, std::string> told_;                  // why, by name
};

// 250 schedules, and what they came to; nothing where only some were run.
std::optional<Tally> RunAll(bool keeps_columns_back) {
  constexpr int64_t kCount = 250;
  const bool is_replay = FromEnvironment("CDC_DBA_SIMULATION_SEED", -1) >= 0;
  Tally tally;
  // Tables stop all the time; what the last run of a wrong schedule told is in its judgement.
  if (!is_replay) SetEventSink([](const Event&) {});
  RunSchedules("CDC_DBA_SIMULATION", kCount, [&](uint64_t seed) {
    return DbaSimulation(seed, keeps_columns_back, &tally).Run();
  });
  SetEventSink(nullptr);
  const bool all = !is_replay && FromEnvironment("CDC_DBA_SIMULATION_COUNT", kCount) >= kCount;
  return all && !::testing::Test::HasFailure() ? std::optional(tally) : std::nullopt;
}

TEST(DbaSimulation, every_row_is_delivered_once_or_is_in_a_gap_or_its_table_is_told) {
  const auto tally = RunAll(/*keeps_columns_back=*/false);
  if (!tally) return;
  // The schedules reach what they are for, and most tables are delivered in the end.
  EXPECT_GT(tally->followed, 50);
  EXPECT_GT(tally->gaps, 200);
  EXPECT_GT(tally->told_replaced, 25);
  EXPECT_GT(tally->delivered, 2 * tally->told);
}

TEST(DbaSimulation, so_it_is_where_columns_are_kept_back_and_none_of_these_is_ever_shown) {
  const auto tally = RunAll(/*keeps_columns_back=*/true);
  if (!tally) return;
  EXPECT_GT(tally->followed, 50);
  EXPECT_GT(tally->told_of_columns, 15);
  EXPECT_GT(tally->delivered, 2 * tally->told);
}

}  // namespace
}  // namespace cdc::capture::testing

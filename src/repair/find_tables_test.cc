#include <gmock/gmock.h>

#include "capture/testing/capture_fixture.h"
#include "repair/adopt.h"

// A lost document is rebuilt by what the objects say, not by what tables are called today.

namespace cdc::repair::testing {
namespace {

using namespace capture::testing;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class FindTablesTest : public CaptureTest {
 protected:
  // Something in a folder of A, which is called A_old from then on.
  void DeliverThenRename() {
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
    Rename("A_old");
    Lose();
  }
  void Rename(const std::string& name) { world_.database.tables.at("dbo.A").instance.table = name; }
  void Lose() { world_.store.objects.erase(state::DocumentName{"Shop", ""}.Key()); }
  arrow::Result<AdoptionPlan> Plan(const AdoptOptions& adopt = {}) {
    FakeSource source(world_.database);
    return PlanAdoption(world_.options, adopt, source, world_.store, world_.store);
  }
  std::string AdoptNow(const AdoptOptions& adopt = {}) {
    const auto plan = Plan(adopt);
    if (!plan.ok()) return plan.status().message();
    return Adopt(world_.options, *plan, world_.store, world_.clock).status().message();
  }
  std::string NoteOf(const std::string& name) {
    const auto plan = Plan();
    if (!plan.ok()) return plan.status().message();
    for (const AdoptedTable& table : plan->tables) {
      if (table.name == name) return table.note;
    }
    return "not there";
  }
  // Keys of A's objects, under any name.
  std::vector<std::string> Folders() {
    std::set<std::string> folders;
    for (const auto& [key, object] : world_.store.objects) {
      if (key.ends_with(".parquet")) folders.insert(key.substr(0, key.rfind('/')));
    }
    return {folders.begin(), folders.end()};
  }
};

TEST_F(FindTablesTest, a_renamed_table_is_not_begun_anew_without_its_document) {
  DeliverThenRename();
  const auto refused = RunOnce().status();
  EXPECT_TRUE(IsStopsEverything(refused));
  EXPECT_THAT(refused.message(), HasSubstr("Shop/A/cdc/A_cdc_"));
  EXPECT_THAT(refused.message(), HasSubstr("of table dbo.A"));
  EXPECT_THAT(Folders(), SizeIs(1));
}

TEST_F(FindTablesTest, a_renamed_table_goes_on_in_its_folder_with_every_row_once) {
  for (const char* start : {"oldest", "now"}) {
    world_.options.start = start;
    DeliverThenRename();
    EXPECT_EQ(NoteOf("dbo.A"), "called dbo.A_old today");
    EXPECT_EQ(AdoptNow(), "");
    Insert("A");
    EXPECT_TRUE(RunOnce()->stopped.empty());
    EXPECT_EQ(world_.Judge("A"), "");
    EXPECT_THAT(Folders(), SizeIs(1));
    Rename("A");
  }
}

TEST_F(FindTablesTest, settings_that_name_a_table_as_it_is_called_today_find_it_too) {
  DeliverThenRename();
  world_.options.tables = {"dbo.A_old"};
  EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  EXPECT_EQ(NoteOf("dbo.A"), "called dbo.A_old today");
}

TEST_F(FindTablesTest, a_table_that_is_not_captured_any_more_keeps_its_name_and_position) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  const auto gone = world_.database.tables.extract("dbo.A");
  Lose();
  EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  EXPECT_EQ(NoteOf("dbo.A"), "not captured now: it keeps its name and its resume position");
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_EQ(Document().tables.at("dbo.A").folder, "Shop/A/cdc/");
  Insert("B");
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("is gone"));
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(FindTablesTest, what_no_setting_selects_keeps_its_position_where_there_are_no_groups) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  Lose();
  world_.options.tables = {"dbo.B"};
  EXPECT_EQ(NoteOf("dbo.A"), "no setting selects it: it keeps its resume position");
  EXPECT_EQ(NoteOf("dbo.B"), "");
  const auto plan = Plan();
  EXPECT_FALSE(plan->document.tables.at("dbo.A").in_cut);
  EXPECT_TRUE(plan->document.tables.at("dbo.B").in_cut);
  world_.options.group = "b";
  EXPECT_EQ(NoteOf("dbo.A"), "not there");
}

TEST_F(FindTablesTest, another_table_under_the_name_is_not_given_the_place_of_the_first_one) {
  DeliverThenRename();
  world_.database.AddTable("dbo", "A2");
  world_.database.tables.at("dbo.A2").instance.table = "A";
  world_.database.Commit({{"dbo.A2", {kInsert}}});
  const int64_t first = world_.database.tables.at("dbo.A").instance.source_object_id;
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_EQ(Document().tables.at("dbo.A").source_object_id, first);
  const auto report = RunOnce();
  EXPECT_NE(WhyStopped(*report, "dbo.A"), "not stopped");
  EXPECT_THAT(world_.Objects("A"), SizeIs(2));
}

TEST_F(FindTablesTest, earlier_tables_of_the_folder_are_as_the_newest_object_says) {
  world_.options.on_replace = rules::OnReplace::kFollow;
  DeliverThenRename();
  world_.database.AddTable("dbo", "A2");
  world_.database.tables.at("dbo.A2").instance.table = "A";
  ASSERT_EQ(AdoptNow(), "");
  for (int i = 0; i < 3; ++i) {
    world_.database.Commit({{"dbo.A2", {kInsert}}});
    ASSERT_TRUE(RunOnce().ok());
  }
  const state::Table before = Document().tables.at("dbo.A");
  ASSERT_THAT(before.earlier_tables, SizeIs(1));
  Lose();
  const auto plan = Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->document.tables.at("dbo.A").source_object_id, before.source_object_id);
  EXPECT_EQ(plan->document.tables.at("dbo.A").earlier_tables, before.earlier_tables);
  ASSERT_EQ(plan->notes.size(), 1u);
  EXPECT_THAT(plan->notes[0], HasSubstr("an earlier table dbo.A"));
}

TEST_F(FindTablesTest, a_folder_costs_a_few_requests_however_much_lies_in_it) {
  for (int i = 0; i < 5; ++i) {
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
  }
  Rename("A_old");
  Lose();
  int lists = 0;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    lists += call == "list" ? 1 : 0;
    return store::MemoryStore::Fault::kNone;
  };
  EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  world_.store.hook = nullptr;
  EXPECT_LT(lists, 12);
}

TEST_F(FindTablesTest, a_folder_of_somebody_else_is_passed_over) {
  Insert("A");
  world_.store.objects["Shop/A/"] = {};
  world_.store.objects["Shop/A/notes.txt"] = {};
  world_.store.objects["Shop/lake/raw/x_cdc_1.parquet"] = {"PAR1", "x", {}, world_.clock.UtcNow()};
  EXPECT_TRUE(RunOnce()->stopped.empty());
  EXPECT_EQ(world_.Judge("A"), "");
  const auto plan = Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->tables.size(), 2u);
}

TEST_F(FindTablesTest, a_new_history_begins_at_no_time_and_no_lsn_that_is_yet_to_come) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  for (const std::string& start : {std::string("2099-01-01"), Lsn::Max().ToString()}) {
    const auto refused = Plan({true, start}).status().message();
    EXPECT_THAT(refused, HasSubstr("start = " + start + " lies "));
    // In the words that a run has for it.
    World fresh;
    fresh.database = world_.database;
    fresh.options.start = start;
    Writer writer(fresh);
    ASSERT_TRUE(writer.Start().ok());
    const auto report = writer.Round();
    const std::string said = report.ok() ? WhyStopped(*report, "dbo.A") : report.status().message();
    EXPECT_THAT(said, HasSubstr(refused));
  }
}

TEST_F(FindTablesTest, a_new_history_from_before_what_was_delivered_says_that_rows_come_again) {
  Insert("A");
  const Lsn first = MakeLsn(Insert("A"));
  const Lsn last = MakeLsn(Insert("A"));
  ASSERT_TRUE(RunOnce().ok());
  const auto note_of = [&](const std::string& start) {
    const auto plan = Plan({true, start});
    return plan.ok() ? plan->tables.at(0).note : plan.status().message();
  };
  for (const std::string& start : {std::string("oldest"), first.ToString()}) {
    EXPECT_THAT(note_of(start), HasSubstr("delivered up to " + last.ToString())) << start;
    EXPECT_THAT(note_of(start), HasSubstr("comes a second time")) << start;
  }
  for (const std::string& start : {std::string("now"), last.ToString()}) {
    EXPECT_EQ(note_of(start), "") << start;
  }
}

}  // namespace
}  // namespace cdc::repair::testing

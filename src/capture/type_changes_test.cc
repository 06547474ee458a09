#include <gmock/gmock.h>

#include "base/events.h"
#include "capture/testing/capture_fixture.h"

namespace cdc::capture::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Fault = store::MemoryStore::Fault;

class TypeChanges : public CaptureTest {
 protected:
  TypeChanges() { SetLogLevel(Level::kInfo); }  // whatever a test before it has set

  void Become(const std::shared_ptr<arrow::DataType>& type) {
    world_.database.tables.at("dbo.A").value_type = type;
  }
  // One object of the old type, and rows of the new one that wait.
  void DeliverThenBecome(const std::shared_ptr<arrow::DataType>& type) {
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
    Become(type);
    Insert("A");
  }
  std::vector<std::string> Folders() {
    std::vector<std::string> folders;
    for (const SeenObject& object : world_.Objects("A")) {
      folders.push_back(object.key.substr(0, object.key.rfind('/')));
    }
    return folders;
  }
};

TEST_F(TypeChanges, a_type_that_readers_merge_goes_on_in_the_same_folder) {
  Become(arrow::int32());
  DeliverThenBecome(arrow::int64());
  const auto report = RunOnce();
  EXPECT_EQ(WhyStopped(*report, "dbo.A"), "not stopped");
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_THAT(Document().tables.at("dbo.A").form.earlier_types, IsEmpty());
  // Back again: the folder's columns are still the wider ones.
  Become(arrow::int32());
  Insert("A");
  EXPECT_EQ(WhyStopped(*RunOnce(), "dbo.A"), "not stopped");
  EXPECT_THAT(Document().tables.at("dbo.A").form.earlier_types, ElementsAre(Pair("v", "INT64")));
}

TEST_F(TypeChanges, a_type_that_readers_cannot_merge_stops_the_table_and_no_other) {
  DeliverThenBecome(arrow::utf8());
  Insert("B");
  const auto report = RunOnce();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"),
              AllOf(HasSubstr("v from INT64 to STRING"), HasSubstr("Shop/A/cdc/"),
                    HasSubstr("on_type_change")));
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Judge("B"), "");
  Become(arrow::int64());
  EXPECT_EQ(WhyStopped(*RunOnce(), "dbo.A"), "not stopped");
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(TypeChanges, with_same_folder_it_goes_on_there) {
  DeliverThenBecome(arrow::utf8());
  world_.options.on_type_change = rules::OnTypeChange::kSameFolder;
  ASSERT_EQ(WhyStopped(*RunOnce(), "dbo.A"), "not stopped");
  EXPECT_THAT(Folders(), ElementsAre("Shop/A/cdc", "Shop/A/cdc"));
  EXPECT_EQ(world_.Judge("A"), "");
  // Told and done: nothing stops it any more.
  world_.options.on_type_change = rules::OnTypeChange::kStop;
  Insert("A");
  EXPECT_EQ(WhyStopped(*RunOnce(), "dbo.A"), "not stopped");
}

TEST_F(TypeChanges, options_that_are_not_those_of_the_last_object_are_told_once) {
  std::vector<std::string> told;
  SetEventSink([&](const Event& event) {
    if (event.name != "options_changed") return;
    for (const Field& field : event.fields) told.push_back(field.value);
  });
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.tables.at("dbo.A").options = {{"time", "time"}, {"v.mask", "hash"}};
  for (int i = 0; i < 2; ++i) {
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
  }
  SetEventSink(nullptr);
  EXPECT_THAT(told, ElementsAre("dbo.A", "time from string to time, v.mask from none to hash",
                                "Shop/A/cdc/"));
}

TEST_F(TypeChanges, with_new_folder_it_goes_on_in_further_ones_as_one_chain) {
  world_.options.on_type_change = rules::OnTypeChange::kNewFolder;
  DeliverThenBecome(arrow::utf8());
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Become(arrow::int32());
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.options.on_type_change = rules::OnTypeChange::kStop;
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_THAT(Folders(), ElementsAre("Shop/A/cdc", "Shop/A/cdc_2", "Shop/A/cdc_2", "Shop/A/cdc_3",
                                     "Shop/A/cdc_3"));
  EXPECT_EQ(world_.Judge("A"), "");
  const state::Table table = Document().tables.at("dbo.A");
  EXPECT_EQ(table.folder, "Shop/A/cdc_3/");
  EXPECT_THAT(table.earlier_folders, ElementsAre("Shop/A/cdc/", "Shop/A/cdc_2/"));
  EXPECT_THAT(table.form.earlier_types, IsEmpty());
}

TEST_F(TypeChanges, what_the_document_keeps_of_them_is_short) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  state::Document without = Document();
  without.tables.at("dbo.A").form = {};
  EXPECT_LE(Document().ToJson().size() - without.ToJson().size(), 60u);
}

TEST_F(TypeChanges, a_table_without_new_rows_is_not_stopped_and_its_objects_are_not_asked) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Become(arrow::utf8());
  int tails = 0;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    tails += call == "tail" ? 1 : 0;
    return Fault::kNone;
  };
  const auto report = RunOnce();
  world_.store.hook = nullptr;
  EXPECT_EQ(WhyStopped(*report, "dbo.A"), "not stopped");
  EXPECT_EQ(tails, 0);
}

TEST_F(TypeChanges, an_object_that_a_consumer_moved_away_is_not_judged_and_that_is_told) {
  std::vector<std::string> told;
  SetEventSink([&](const Event& event) {
    if (event.name != "types_not_compared") return;
    for (const Field& field : event.fields) told.push_back(field.value);
  });
  DeliverThenBecome(arrow::utf8());
  const std::string key = world_.Objects("A").back().key;
  const auto moved = world_.store.objects.extract(key);
  const auto report = RunOnce();
  SetEventSink(nullptr);
  EXPECT_EQ(WhyStopped(*report, "dbo.A"), "not stopped");
  EXPECT_THAT(told, ElementsAre("dbo.A", HasSubstr(key + ", was moved away"), "Shop/A/cdc/"));
}

TEST_F(TypeChanges, an_entry_of_an_earlier_program_is_held_against_its_last_object) {
  DeliverThenBecome(arrow::utf8());
  state::Document document = Document();
  document.tables.at("dbo.A").form = {};
  world_.store.objects.at(state::DocumentName{"Shop", ""}.Key()).bytes = document.ToJson();
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("v from INT64 to STRING"));
}

TEST_F(TypeChanges, a_further_folder_that_holds_something_is_passed_over) {
  world_.options.on_type_change = rules::OnTypeChange::kNewFolder;
  DeliverThenBecome(arrow::utf8());
  world_.store.objects["Shop/A/cdc_2/A_2_cdc_20250109_143015.parquet"] = {};
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(Document().tables.at("dbo.A").folder, "Shop/A/cdc_3/");
}

TEST_F(TypeChanges, a_folder_that_a_table_has_left_is_no_other_tables) {
  world_.options.path = "{database}/{table}/cdc";
  world_.options.on_type_change = rules::OnTypeChange::kNewFolder;
  DeliverThenBecome(arrow::utf8());
  ASSERT_TRUE(RunOnce().ok());
  world_.database.AddTable("sales", "A");
  world_.database.Commit({{"sales.A", {kInsert}}});
  EXPECT_THAT(WhyStopped(*RunOnce(), "sales.A"), HasSubstr("Shop/A/cdc/"));
}

TEST_F(TypeChanges, a_claim_in_a_new_folder_is_recovered_there) {
  world_.options.on_type_change = rules::OnTypeChange::kNewFolder;
  DeliverThenBecome(arrow::utf8());
  {
    world_.clock.Advance(std::chrono::seconds(1));
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    world_.store.hook = [](const std::string& call, const std::string&) {
      return call == "put" ? Fault::kNotApplied : Fault::kNone;
    };
    (void)writer.Round();
    world_.store.hook = nullptr;
  }
  ASSERT_EQ(world_.Objects("A").size(), 1u);
  world_.clock.Advance(std::chrono::hours(1));
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_THAT(Folders(), ElementsAre("Shop/A/cdc", "Shop/A/cdc_2"));
  EXPECT_EQ(world_.Judge("A"), "");
}

}  // namespace
}  // namespace cdc::capture::testing

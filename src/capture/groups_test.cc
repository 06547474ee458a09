#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"

// Several programs that share the tables of one database, each with a document of its own.

namespace cdc::capture::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(CaptureTest, two_groups_never_deliver_the_same_table) {
  Insert("A");
  Insert("B");
  world_.options.group = "one";
  world_.options.tables = {"A"};
  ASSERT_TRUE(RunOnce().ok());
  world_.options.group = "two";
  world_.options.tables = {"*"};
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("_cdc_to_s3/groups/Shop/one.json"));
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

TEST_F(CaptureTest, of_two_groups_that_enter_a_table_in_the_same_moment_none_delivers_it_twice) {
  Insert("A");
  world_.options.group = "one";
  Writer one(world_);
  ASSERT_TRUE(one.Start().ok());
  bool between = false;
  one.source.hook = [&](const std::string& call) {
    if (call == "describe" && !between) {
      between = true;
      // After `one` has looked at the others and before it enters its tables, `two` does all of it.
      auto options = world_.options;
      world_.options.group = "two";
      EXPECT_TRUE(RunOnce().ok());
      world_.options = options;
    }
    return arrow::Status::OK();
  };
  const auto report = one.Round();
  ASSERT_FALSE(IsStopsEverything(report.status())) << report.status();
  EXPECT_TRUE(between);
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

// What `one` does when the question whether it is alone with its new tables breaks off: B has been
// read by nobody, both groups have it in their documents.
TEST_F(CaptureTest, a_table_is_not_read_before_it_is_known_that_no_other_group_has_entered_it) {
  Insert("A");
  world_.options.tables = {"B"};
  world_.options.group = "one";
  Writer one(world_);
  ASSERT_TRUE(one.Start().ok());
  bool between = false, entered = false;
  one.source.hook = [&](const std::string& call) {
    if (call == "describe" && !between) {
      between = true;
      const auto options = world_.options;
      world_.options.group = "two";
      EXPECT_TRUE(RunOnce().ok());
      world_.options = options;
    }
    return arrow::Status::OK();
  };
  world_.store.hook = [&](const std::string& call, const std::string& key) {
    if (!between) return store::MemoryStore::Fault::kNone;
    if (call == "swap" && key.ends_with("one.json")) entered = true;
    return entered && call == "get" && key.ends_with("two.json")
               ? store::MemoryStore::Fault::kNotApplied
               : store::MemoryStore::Fault::kNone;
  };
  const auto round = one.Round();
  ASSERT_TRUE(round.ok()) << round.status();  // only the table waits that the other one may have
  EXPECT_THAT(WhyStopped(*round, "dbo.B"), HasSubstr("it waits until it is known"));
  ASSERT_TRUE(entered);
  world_.clock.Advance(std::chrono::seconds(5));
  world_.store.hook = nullptr;

  // Killed, and started again when the other group has delivered; or not killed.
  for (const bool killed : {false, true}) {
    const auto objects = world_.store.objects;
    Insert("B");
    if (killed) {
      world_.options.group = "two";
      ASSERT_TRUE(RunOnce().ok());
    }
    world_.options.group = "one";
    const auto report = killed ? RunOnce() : one.Round();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(WhyStopped(*report, "dbo.B"), HasSubstr("two.json"));
    EXPECT_EQ(world_.Objects("B").size(), killed ? 1u : 0u);
    if (!killed) world_.store.objects = objects;
  }
}

TEST_F(CaptureTest, a_table_that_is_renamed_stays_with_its_group) {
  Insert("A");
  world_.options.group = "one";
  world_.options.tables = {"A"};
  ASSERT_TRUE(RunOnce().ok());
  auto renamed = world_.database.tables.extract("dbo.A");
  renamed.key() = "dbo.Renamed";
  renamed.mapped().instance.table = "Renamed";
  world_.database.tables.insert(std::move(renamed));
  Insert("Renamed");
  world_.options.group = "two";
  world_.options.tables = {};
  world_.options.exclude = {"A"};
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.Renamed"), HasSubstr("as dbo.A"));
  EXPECT_TRUE(world_.Objects("Renamed").empty());
}

// The follower comes in between the question whose it is and the swap that follows it.
TEST_F(CaptureTest, of_a_group_that_follows_a_table_and_one_that_enters_it_only_one_delivers_it) {
  Insert("A");
  world_.options.group = "one";
  world_.options.tables = {"A"};
  world_.options.on_replace = rules::OnReplace::kFollow;
  ASSERT_TRUE(RunOnce().ok());
  world_.database.MakeAnew("dbo.A", "dbo_A_v2");
  world_.database.tables.at("dbo.A").instance.source_object_id = 777;
  Insert("A");
  Writer one(world_);
  ASSERT_TRUE(one.Start().ok());
  bool between = false;
  one.source.hook = [&](const std::string& call) {
    if (call == "describe" && !between) {
      between = true;
      const auto options = world_.options;
      world_.options.group = "two";
      world_.options.tables = {"Stage"};
      auto& instance = world_.database.tables.at("dbo.A").instance;
      instance.table = "Stage";  // as it was called when the other one looked
      EXPECT_TRUE(RunOnce().ok());
      instance.table = "A";
      world_.options = options;
    }
    return arrow::Status::OK();
  };
  ASSERT_TRUE(one.Round().ok());
  ASSERT_TRUE(between);
  const auto report = one.Round();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("as dbo.Stage"));
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Objects("Stage").size(), 1u);
}

}  // namespace
}  // namespace cdc::capture::testing

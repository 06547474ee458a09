#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"

// Which tables there are: new ones, renamed ones, and those whose capture instance changes.

namespace cdc::capture::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(CaptureTest, a_renamed_table_is_still_the_same_one) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  auto renamed = world_.database.tables.extract("dbo.A");
  renamed.key() = "dbo.Renamed";
  renamed.mapped().instance.table = "Renamed";
  world_.database.tables.insert(std::move(renamed));
  Insert("Renamed");
  const auto first = RunOnce();
  ASSERT_TRUE(first.ok());
  Insert("B");
  const auto idle = RunOnce();
  ASSERT_TRUE(idle.ok());
  EXPECT_FALSE(idle->try_again);
  EXPECT_TRUE(Document().held_back_by.empty());
  EXPECT_TRUE(world_.Objects("Renamed").empty());  // its changes would be there twice
  EXPECT_EQ(JudgeFolder(world_.Objects("A"), world_.database.tables.at("dbo.Renamed").history), "");
}

TEST_F(CaptureTest, two_tables_whose_full_names_read_alike_are_not_taken_for_one) {
  world_.database.AddTable("dbo.A", "x");
  auto twin = world_.database.tables.at("dbo.A.x");
  twin.instance.schema = "dbo";
  twin.instance.table = "A.x";
  twin.instance.change_table_object_id += 1000;
  twin.instance.source_object_id += 1000;
  world_.database.tables["twin"] = twin;
  Insert("B");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->stopped.size(), 1u);
  EXPECT_THAT(report->stopped[0].second, HasSubstr("reads like"));
}

TEST_F(CaptureTest, a_new_table_is_found_without_a_restart_and_joins_the_cut) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  world_.database.AddTable("dbo", "C");
  world_.database.Commit({{"dbo.C", {kInsert}}});
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("C"), "");
  EXPECT_TRUE(Document().tables.at("dbo.C").in_cut);
}

TEST_F(CaptureTest, two_tables_that_would_share_a_folder_are_not_mixed) {
  world_.database.AddTable("sales", "A");
  world_.database.Commit({{"dbo.A", {kInsert}}, {"sales.A", {kInsert}}});
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_THAT(WhyStopped(*report, "sales.A"), HasSubstr("already uses the folder Shop/A/cdc/"));
}

TEST_F(CaptureTest, a_table_whose_names_the_store_cannot_keep_is_told_when_it_comes_in) {
  const std::string name(120, 'x');  // its objects' names have 33 bytes more
  world_.database.AddTable("dbo", name);
  Insert("A");
  world_.database.Commit({{"dbo." + name, {kInsert}}});
  world_.store.limits = {1'024, 152};
  auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo." + name), HasSubstr("would have 153 bytes"));
  EXPECT_FALSE(Document().tables.contains("dbo." + name));
  EXPECT_EQ(world_.Judge("A"), "");
  world_.store.limits = {1'024, 153};
  report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Judge(name), "");
}

TEST_F(CaptureTest, a_folder_with_foreign_parquet_is_refused_that_table_alone) {
  Insert("A");
  Insert("B");
  world_.store.objects["Shop/A/cdc/mine.parquet"] = {"PAR1", "x", {}, world_.clock.UtcNow()};
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("Parquet file that is not ours"));
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(CaptureTest, a_capture_instance_made_anew_is_a_gap_that_stops_the_table_or_is_accepted) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.MakeAnew("dbo.A", "dbo_A");
  Insert("A");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("made anew"));
  EXPECT_EQ(world_.Objects("A").size(), 1u);

  world_.options.on_gap = rules::OnGap::kContinue;
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[1].rows.size(), 1u);
  ASSERT_EQ(objects[1].record.gaps.size(), 1u);
  EXPECT_EQ(objects[1].record.gaps[0].from, objects[0].record.to);
  EXPECT_EQ(objects[1].record.gaps[0].to, objects[1].record.from);
  EXPECT_EQ(Document().tables.at("dbo.A").stopped, "");
}

TEST_F(CaptureTest, another_instance_that_holds_everything_that_is_missing_follows_without_a_gap) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.MakeAnew("dbo.A", "dbo_A_v2");  // with one column more, say
  Insert("A");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(Document().tables.at("dbo.A").capture_instance, "dbo_A_v2");
  EXPECT_TRUE(Document().tables.at("dbo.A").gaps.empty());
}

TEST_F(CaptureTest, another_table_under_the_same_name_is_never_followed_silently) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.MakeAnew("dbo.A", "dbo_A");
  world_.database.tables.at("dbo.A").instance.source_object_id = 777;
  Insert("A");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("cdc-to-s3 follow dbo.A --yes"));
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

TEST_F(CaptureTest, a_table_that_is_no_longer_captured_stops_and_the_others_go_on) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.tables.erase("dbo.A");
  Insert("B");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("sp_cdc_enable_table"));
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(CaptureTest, start_now_delivers_only_what_comes_after) {
  Insert("A");
  world_.options.start = "now";
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_TRUE(world_.Objects("A").empty());
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

}  // namespace
}  // namespace cdc::capture::testing

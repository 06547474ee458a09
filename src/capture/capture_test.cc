#include "capture/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"

namespace cdc::capture::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(CaptureTest, changes_of_all_tables_arrive_once_and_in_order) {
  world_.database.Commit({{"dbo.A", {kInsert, kInsert}}, {"dbo.B", {kInsert}}});
  world_.database.Commit({{"dbo.A", {kBefore, kAfter, kDelete}}});
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_EQ(world_.Objects("B").size(), 2u);
  EXPECT_EQ(Document().complete_through, MakeLsn(world_.database.mapping.back()));
  EXPECT_TRUE(Document().held_back_by.empty());
}

TEST_F(CaptureTest, rows_that_the_server_has_but_does_not_give_are_not_taken_for_none) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  std::vector<RowKey> hidden;
  Writer writer(world_);
  auto& rows = world_.database.tables.at("dbo.A").rows;
  writer.source.hook = [&](const std::string& call) {
    if (call == "read") rows.swap(hidden);  // after the probe has seen them
    return arrow::Status::OK();
  };
  ASSERT_TRUE(writer.Start().ok());
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->try_again);
  EXPECT_EQ(Document().held_back_by, std::vector<std::string>{"dbo.A"});
  rows.swap(hidden);
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(CaptureTest, nothing_new_writes_nothing) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  const auto before = Document();
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(Document(), before);
}

TEST_F(CaptureTest, a_large_transaction_is_cut_but_never_between_the_rows_of_an_update) {
  std::vector<int32_t> operations{kInsert, kInsert, kInsert};
  for (int i = 0; i < 10; ++i) operations.insert(operations.end(), {kBefore, kAfter});
  world_.database.Commit({{"dbo.A", operations}});
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  const auto objects = world_.Objects("A");
  ASSERT_GT(objects.size(), 4u);
  EXPECT_TRUE(objects[0].record.to.inside_transaction());
  EXPECT_EQ(objects[0].rows.size(), 5u);  // the fourth row was the first half of an update
  EXPECT_FALSE(objects.back().record.to.inside_transaction());
}

TEST_F(CaptureTest, an_object_says_of_which_source_table_its_rows_are) {
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("B");
  ASSERT_EQ(objects.size(), 1u);
  const int64_t id = world_.database.tables.at("dbo.B").instance.source_object_id;
  EXPECT_EQ(objects[0].record.source_object_id, id);
  const auto metadata = world_.store.objects.at(objects[0].key).metadata;
  EXPECT_EQ(pq::IdentityFromUserMetadata(metadata)->source_object_id, id);
}

TEST_F(CaptureTest, objects_of_one_second_have_names_in_order) {
  world_.database.Commit({{"dbo.A", std::vector<int32_t>(12, kInsert)}});
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_THAT(objects[1].key, HasSubstr("_0001.parquet"));
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(CaptureTest, a_clock_that_goes_back_does_not_disorder_names) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.clock.Advance(-std::chrono::hours(5));
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(CaptureTest, a_table_that_fails_does_not_stop_the_others_and_holds_the_cut_back) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const Lsn cut = Document().complete_through;
  Insert("A");
  Insert("B");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  writer.source.table_errors["dbo.A"] = arrow::Status::Invalid("SELECT denied");
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(WhyStopped(*report, "dbo.A"), "SELECT denied");
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_EQ(Document().complete_through, cut);
  EXPECT_EQ(Document().held_back_by, std::vector<std::string>{"dbo.A"});
  EXPECT_EQ(Document().tables.at("dbo.A").stopped, "SELECT denied");

  writer.source.table_errors.clear();
  world_.clock.Advance(std::chrono::minutes(2));
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(Document().complete_through, MakeLsn(world_.database.mapping.back()));
  EXPECT_EQ(Document().tables.at("dbo.A").stopped, "");
}

TEST_F(CaptureTest, cleanup_behind_an_idle_table_is_no_gap) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  for (int i = 0; i < 5; ++i) Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.Cleanup(world_.database.mapping.back());
  Insert("A");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(CaptureTest, rows_that_retention_passed_stop_the_table_and_say_from_where_to_where) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  Insert("A");
  world_.database.Cleanup(Insert("A"), "dbo.A");
  Insert("B");
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("gap: changes from"));
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(CaptureTest, an_accepted_gap_is_in_the_state_and_in_the_next_footer) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.Cleanup(Insert("A"));
  Insert("A");
  world_.options.on_gap = rules::OnGap::kContinue;
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[1].rows.size(), 2u);
  ASSERT_EQ(objects[1].record.gaps.size(), 1u);
  EXPECT_EQ(objects[1].record.gaps[0].to, objects[1].record.from);
  EXPECT_EQ(objects[1].record.gaps[0].from, objects[0].record.to);
  const auto& gaps = Document().tables.at("dbo.A").gaps;
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].carried_by, 2);
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_TRUE(world_.Objects("A")[2].record.gaps.empty());
}

TEST_F(CaptureTest, cleanup_while_a_table_is_read_drops_what_was_read) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  int reads = 0;
  writer.source.hook = [&](const std::string& call) {
    if (call == "next" && ++reads == 1) world_.database.Cleanup(world_.database.mapping.back());
    return arrow::Status::OK();
  };
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->try_again);
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  const auto next = writer.Round();
  ASSERT_TRUE(next.ok());
  EXPECT_THAT(WhyStopped(*next, "dbo.A"), HasSubstr("gap"));
}

TEST_F(CaptureTest, a_restored_database_stops_everything_before_it_is_read) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.fork = "'";
  const auto report = RunOnce();
  EXPECT_TRUE(IsStopsEverything(report.status())) << report.status();
  EXPECT_THAT(report.status().message(), HasSubstr("restored or replaced"));
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

TEST_F(CaptureTest, a_server_that_lags_is_waited_for) {
  Insert("A");
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.clock.Advance(std::chrono::seconds(1));
  Writer writer(world_);
  writer.source.lag_commits = 1;
  ASSERT_TRUE(writer.Start().ok());
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->try_again);
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(CaptureTest, a_deleted_state_document_never_doubles_rows) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.store.objects.erase(state::DocumentName{"Shop", ""}.Key());
  const auto report = RunOnce();
  EXPECT_TRUE(IsStopsEverything(report.status())) << report.status();
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_FALSE(world_.store.objects.contains(state::DocumentName{"Shop", ""}.Key()));
}

TEST_F(CaptureTest, a_state_document_set_back_never_doubles_rows) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const auto old = world_.store.objects.at(state::DocumentName{"Shop", ""}.Key());
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  world_.store.objects[state::DocumentName{"Shop", ""}.Key()] = old;
  const auto report = RunOnce();
  EXPECT_TRUE(IsStopsEverything(report.status())) << report.status();
  EXPECT_THAT(report.status().message(), HasSubstr("set back to an older version"));
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(CaptureTest, a_foreign_object_at_a_claimed_key_stops_the_table_until_it_is_moved_away) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  std::string key;
  world_.store.hook = [&](const std::string& call, const std::string& at) {
    if (call == "put" && key.empty()) {
      key = at;
      world_.store.objects[at] = {"PAR1", "x", {}, world_.clock.UtcNow()};
    }
    return store::MemoryStore::Fault::kNone;
  };
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("another object sits at the key"));
  EXPECT_FALSE(Document().tables.at("dbo.A").in_cut);
  world_.store.objects.erase(key);
  world_.clock.Advance(std::chrono::minutes(2));
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Objects("A")[0].key, key);
}

TEST_F(CaptureTest, a_claimed_window_that_lost_rows_is_delivered_only_when_the_gap_is_accepted) {
  world_.database.Commit({{"dbo.A", {kInsert}}});
  world_.database.Commit({{"dbo.A", {kInsert}}});
  {
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    world_.store.hook = [](const std::string& call, const std::string&) {
      return call == "put" ? store::MemoryStore::Fault::kNotApplied
                           : store::MemoryStore::Fault::kNone;
    };
    ASSERT_TRUE(writer.Round().ok());
    world_.store.hook = nullptr;
  }
  world_.database.Cleanup(world_.database.mapping.back());
  const auto stopped = RunOnce();
  ASSERT_TRUE(stopped.ok());
  EXPECT_THAT(WhyStopped(*stopped, "dbo.A"), HasSubstr("of 2 rows claimed"));
  EXPECT_TRUE(world_.Objects("A").empty());

  world_.options.on_gap = rules::OnGap::kContinue;
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_TRUE(objects[0].record.incomplete);
  EXPECT_EQ(objects[0].rows.size(), 1u);
  EXPECT_EQ(objects[0].record.gaps.size(), 1u);
  EXPECT_TRUE(Document().tables.at("dbo.A").claim->confirmed);
}

TEST_F(CaptureTest, a_process_that_slept_between_claim_and_put_cannot_put_any_more) {
  Insert("A");
  Writer sleeper(world_);
  ASSERT_TRUE(sleeper.Start().ok());
  bool slept = false;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    if (call == "put" && !slept) {
      slept = true;
      world_.store.hook = nullptr;
      EXPECT_TRUE(RunOnce().ok());  // somebody else delivers the claim
      Insert("A");
      EXPECT_TRUE(RunOnce().ok());
      // An hour later a consumer has moved the first object away.
      world_.clock.Advance(std::chrono::minutes(90));
      world_.store.objects.erase(world_.Objects("A")[0].key);
    }
    return store::MemoryStore::Fault::kNone;
  };
  const auto report = sleeper.Round();
  EXPECT_FALSE(report.ok() && report->objects > 0);
  EXPECT_EQ(world_.Objects("A").size(), 1u);
}

TEST_F(CaptureTest, an_emptied_mapping_is_nothing_new_and_no_reason_to_move) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const auto before = Document().tables;
  world_.database.mapping.clear();
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(Document().tables, before);
}

}  // namespace
}  // namespace cdc::capture::testing

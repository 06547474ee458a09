#include "repair/accept_gap.h"

#include <gmock/gmock.h>

#include "capture/testing/capture_fixture.h"

namespace cdc::repair::testing {
namespace {

using namespace capture::testing;

using ::testing::HasSubstr;
using Fault = store::MemoryStore::Fault;
using Kind = OpenGap::Kind;

class AcceptGapTest : public CaptureTest {
 protected:
  arrow::Result<GapReport> Accept(const std::vector<std::string>& tables = {"dbo.A", "dbo.B"}) {
    FakeSource source(world_.database);
    return AcceptGaps(world_.options, source, world_.store, world_.store, world_.clock, tables);
  }
  arrow::Result<GapReport> Look() {
    FakeSource source(world_.database);
    return JudgeGaps(world_.options, source, world_.store, Document(), {"dbo.A", "dbo.B"});
  }
  // A claim whose object was never put.
  void ClaimWithoutPut() {
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    world_.store.hook = [](const std::string& call, const std::string&) {
      return call == "put" ? Fault::kNotApplied : Fault::kNone;
    };
    ASSERT_TRUE(writer.Round().ok());
    world_.store.hook = nullptr;
  }
  // The rows that change tables still hold.
  std::vector<RowKey> Left(const std::string& table) {
    return world_.database.tables.at("dbo." + table).rows;
  }
};

TEST_F(AcceptGapTest, records_the_gaps_of_many_tables_at_once_and_lets_them_go_on) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  Insert("B");
  Insert("A");
  world_.database.Cleanup(Insert("B"));
  EXPECT_EQ(RunOnce()->stopped.size(), 2u);

  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 2u);
  const state::Document document = Document();
  EXPECT_EQ(document.owner.lease_ms, 0);
  for (const OpenGap& gap : accepted->gaps) {
    EXPECT_EQ(gap.kind, Kind::kRetention);
    const state::Table& table = document.tables.at(gap.table);
    EXPECT_EQ(table.position, gap.to);
    EXPECT_EQ(table.stopped, "");
    ASSERT_EQ(table.gaps.size(), 1u);
    EXPECT_EQ(table.gaps[0].from, gap.from);
    EXPECT_EQ(table.gaps[0].to, gap.to);
    EXPECT_EQ(table.gaps[0].accepted_at.substr(0, 5), "2024-");
  }
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("B");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[1].record.from, accepted->gaps[1].to);
  ASSERT_EQ(objects[1].record.gaps.size(), 1u);
  EXPECT_EQ(objects[1].record.gaps[0].from, objects[0].record.to);
  EXPECT_EQ(objects[1].rows, Left("B"));
  EXPECT_TRUE(world_.Objects("A").size() == 1u);  // nothing of it was left
}

TEST_F(AcceptGapTest, accepts_nothing_that_can_still_be_read) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.Cleanup(Insert("B"), "dbo.A");
  EXPECT_EQ(RunOnce()->stopped.size(), 1u);
  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 1u);
  EXPECT_EQ(accepted->gaps[0].table, "dbo.A");
  EXPECT_TRUE(Document().tables.at("dbo.B").gaps.empty());
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_TRUE(Accept()->gaps.empty());
}

TEST_F(AcceptGapTest, accepts_only_the_tables_that_are_named) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  Insert("B");
  world_.database.Cleanup(Insert("A"));
  ASSERT_TRUE(Accept({"dbo.B"}).ok());
  EXPECT_TRUE(Document().tables.at("dbo.A").gaps.empty());
  EXPECT_EQ(Document().tables.at("dbo.B").gaps.size(), 1u);
  EXPECT_EQ(RunOnce()->stopped.size(), 1u);
}

TEST_F(AcceptGapTest, looking_changes_nothing) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.Cleanup(Insert("A"));
  const state::Document before = Document();
  const auto seen = Look();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_TRUE(seen->HasGap("dbo.A"));
  EXPECT_EQ(Document(), before);
}

TEST_F(AcceptGapTest, a_gap_inside_a_transaction_begins_behind_its_last_delivered_row) {
  world_.options.limits.max_rows = 2;
  world_.database.Commit({{"dbo.A", {kInsert, kInsert, kInsert, kInsert}}});
  {
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    int puts = 0;
    world_.store.hook = [&](const std::string& call, const std::string&) {
      return call == "swap" && puts == 1   ? Fault::kNotApplied
             : call == "put" && ++puts > 1 ? Fault::kNotApplied
                                           : Fault::kNone;
    };
    (void)writer.Round();
    world_.store.hook = nullptr;
  }
  world_.database.Cleanup(Insert("A"), "dbo.A");
  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 1u);
  EXPECT_TRUE(accepted->gaps[0].from.inside_transaction());
  ASSERT_TRUE(RunOnce().ok());
  ASSERT_EQ(world_.Objects("A").size(), 2u);
  EXPECT_EQ(world_.Objects("A")[1].rows, Left("A"));
}

TEST_F(AcceptGapTest, a_capture_instance_made_anew_is_followed_behind_the_gap) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.MakeAnew("dbo.A", "dbo_A2");
  Insert("A");
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("made anew"));
  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 1u);
  EXPECT_EQ(accepted->gaps[0].kind, Kind::kNewInstance);
  EXPECT_EQ(Document().tables.at("dbo.A").capture_instance, "dbo_A2");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[1].rows, Left("A"));
  EXPECT_EQ(objects[1].record.gaps.size(), 1u);
}

TEST_F(AcceptGapTest, an_instance_that_holds_all_that_is_missing_is_no_gap) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.MakeAnew("dbo.A", "dbo_A2");
  Insert("A");
  EXPECT_TRUE(Look()->gaps.empty());
}

TEST_F(AcceptGapTest, a_table_without_any_instance_cannot_be_helped_by_accepting) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("B");
  world_.database.tables.erase("dbo.A");
  const auto seen = Look();
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_TRUE(seen->gaps.empty());
  EXPECT_THAT(seen->refused.at("dbo.A"), HasSubstr("sp_cdc_enable_table"));
}

TEST_F(AcceptGapTest, a_claimed_window_that_lost_rows_is_delivered_with_what_is_left) {
  Insert("A");
  const int64_t second = Insert("A");
  ClaimWithoutPut();
  world_.database.Cleanup(second);
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("of 2 rows claimed"));
  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 1u);
  EXPECT_EQ(accepted->gaps[0].kind, Kind::kClaim);
  EXPECT_THAT(accepted->gaps[0].why, HasSubstr("of 2 rows claimed"));
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_TRUE(objects[0].record.incomplete);
  EXPECT_EQ(objects[0].rows, Left("A"));
  EXPECT_EQ(objects[0].record.gaps.size(), 1u);
}

TEST_F(AcceptGapTest, what_was_lost_behind_a_claimed_window_is_a_second_gap) {
  Insert("A");
  ClaimWithoutPut();
  Insert("A");
  world_.database.Cleanup(Insert("A"), "dbo.A");
  const auto accepted = Accept();
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->gaps.size(), 2u);
  EXPECT_EQ(accepted->gaps[0].kind, Kind::kClaim);
  EXPECT_EQ(accepted->gaps[1].from, accepted->gaps[0].to);
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_TRUE(objects[0].rows.empty());
  EXPECT_EQ(objects[1].rows, Left("A"));
  EXPECT_EQ(objects[1].record.from, accepted->gaps[1].to);
}

TEST_F(AcceptGapTest, a_claim_that_can_be_read_again_is_no_gap) {
  Insert("A");
  ClaimWithoutPut();
  EXPECT_TRUE(Look()->gaps.empty());
}

TEST_F(AcceptGapTest, the_program_that_runs_loses_the_document_and_takes_it_over_again) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  Insert("A");
  world_.database.Cleanup(Insert("A"));
  ASSERT_TRUE(Accept().ok());
  Insert("B");
  EXPECT_TRUE(state::IsOwnershipLost(writer.Round().status()));
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Objects("A").back().record.gaps.size(), 1u);
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(AcceptGapTest, an_owner_that_swaps_at_the_same_moment_does_not_get_in_the_way) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.Cleanup(Insert("A"), "dbo.A");
  bool raced = false;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    if (call == "swap" && !raced) {
      raced = true;
      EXPECT_TRUE(RunOnce().ok());
    }
    return Fault::kNone;
  };
  EXPECT_EQ(Accept()->gaps.size(), 1u);
  EXPECT_TRUE(raced);
}

TEST_F(AcceptGapTest, gaps_of_a_restored_database_are_not_judged) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.database.Cleanup(world_.database.mapping.front(), "dbo.A");
  world_.database.fork = "'";
  const state::Document before = Document();
  const auto accepted = Accept();
  EXPECT_THAT(accepted.status().message(), HasSubstr("adopt --new-history"));
  EXPECT_EQ(Document().tables, before.tables);
}

}  // namespace
}  // namespace cdc::repair::testing

#include "status/board.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "status/testing/filled_board.h"
#include "status/verdict.h"

namespace cdc::status {
namespace {

using testing::FilledBoard;
using testing::kNow;
using testing::LsnOf;
using testing::TableOf;
using namespace std::chrono_literals;  // NOLINT: for tests

RoundFacts Round(uint8_t horizon, uint8_t complete_through, UtcTime horizon_time) {
  RoundFacts round;
  round.horizon = LsnOf(horizon);
  round.complete_through = LsnOf(complete_through);
  round.horizon_time = horizon_time;
  round.ended = true;
  return round;
}

TEST(Board, sums_up_what_was_delivered_and_keeps_it_when_a_table_is_gone) {
  FakeClock clock(kNow);
  const auto board = FilledBoard(10, clock);
  EXPECT_EQ(board->Take().rows, 55'000);
  EXPECT_EQ(board->Take().bytes, 55 * 12'345);
  TableFacts more = TableOf(10);
  more.rows += 5;
  board->OnTable(more);
  board->OnTable(more);  // the same report twice adds nothing
  board->OnTableGone(more.name);
  const Snapshot taken = board->Take();
  EXPECT_EQ(taken.rows, 55'005);
  EXPECT_EQ(taken.tables.size(), 9U);
  EXPECT_EQ(taken.conditions.at(Condition::kComplete), 9);
  EXPECT_EQ(taken.conditions.at(Condition::kStopped), 0);
}

TEST(Board, lag_counts_from_the_commit_time_of_what_is_complete) {
  FakeClock clock(kNow);
  const auto board = FilledBoard(3, clock);
  clock.Advance(5s);
  EXPECT_DOUBLE_EQ(*board->Take().lag_seconds, 15);
  EXPECT_DOUBLE_EQ(*board->Take().tables[0].lag_seconds, 15);
  EXPECT_DOUBLE_EQ(*board->Take().behind_seconds, 0);

  // A round that ends while one table is behind moves the others on, and not the whole.
  TableFacts late = TableOf(2);
  late.condition = Condition::kBehind;
  board->OnTable(late);
  board->OnRound(Round(12, 9, kNow + 3s));
  const Snapshot taken = board->Take();
  EXPECT_DOUBLE_EQ(*taken.tables[0].lag_seconds, 2);
  EXPECT_DOUBLE_EQ(*taken.tables[1].lag_seconds, 15);
  EXPECT_DOUBLE_EQ(*taken.lag_seconds, 15);
  EXPECT_DOUBLE_EQ(*taken.behind_seconds, 13);
}

TEST(Board, a_server_whose_clock_is_ahead_gives_no_negative_lag) {
  FakeClock clock(kNow);
  const auto board = FilledBoard(3, clock);
  board->OnRound(Round(12, 12, kNow + 1h));
  EXPECT_DOUBLE_EQ(*board->Take().lag_seconds, 0);
}

TEST(Board, says_how_long_the_backlog_takes_while_it_shrinks_and_nothing_otherwise) {
  FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  TableFacts table = TableOf(7);
  table.in_cut = false;
  table.condition = Condition::kBehind;
  auto round = Round(9, 0, kNow);
  round.ended = false;
  board.OnRound(round);
  // Ten seconds of commits are delivered each second, of an hour that is missing.
  for (int second = 0; second <= 60; ++second) {
    table.last_commit = kNow - 1h + second * 10s;
    board.OnTable(table);
    if (second == 0) {
      EXPECT_FALSE(board.Take().time_left) << "nothing to compare with yet";
    }
    clock.Advance(1s);
  }
  const Snapshot taken = board.Take();
  ASSERT_TRUE(taken.time_left);
  EXPECT_NEAR(static_cast<double>(taken.time_left->count()), 300, 30);
  EXPECT_DOUBLE_EQ(*taken.behind_seconds, 3'000);
  clock.Advance(10min);
  EXPECT_FALSE(board.Take().time_left) << "it stands still";
  table.condition = Condition::kComplete;
  board.OnTable(table);
  EXPECT_FALSE(board.Take().time_left) << "nothing is left";
}

TEST(Board, a_table_that_gave_nothing_yet_counts_as_far_behind_as_the_last_one) {
  FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  auto round = Round(9, 0, kNow);
  board.OnRound(round);
  TableFacts waiting = TableOf(7);  // 7 % 7: no object
  waiting.condition = Condition::kBehind;
  board.OnTable(waiting);
  TableFacts busy = TableOf(8);
  busy.condition = Condition::kBehind;
  for (int second = 0; second <= 60; ++second) {
    busy.last_commit = kNow - 1h + second * 10s;
    board.OnTable(busy);
    clock.Advance(1s);
  }
  // 3,000 s are left of each, and 600 s of each pass in a minute: the other one is as old.
  EXPECT_NEAR(static_cast<double>(board.Take().time_left.value().count()), 300, 30);
}

TEST(Board, rates_and_charts_cover_the_time_that_was_lived) {
  FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  TableFacts table = TableOf(1);
  for (int second = 0; second < 120; ++second) {
    table.rows = second * 50;
    board.OnTable(table);
    clock.Advance(1s);
  }
  Snapshot taken = board.Take();
  EXPECT_NEAR(taken.rows_per_second, 50, 3);
  ASSERT_EQ(taken.history.size(), Board::kHistoryPoints);
  EXPECT_FALSE(taken.history.front().rows_per_second);
  EXPECT_NEAR(*taken.history[Board::kHistoryPoints - 2].rows_per_second, 50, 3);
  clock.Advance(2h);
  taken = board.Take();
  EXPECT_EQ(taken.rows_per_second, 0);
  EXPECT_EQ(*taken.history.front().rows_per_second, 0);
}

TEST(Board, keeps_the_last_troubles_and_counts_all) {
  FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  for (int i = 0; i < 50; ++i) board.AddTrouble({kNow, i % 2 == 0, fmt::format("gap {}", i)});
  const Snapshot taken = board.Take();
  EXPECT_EQ(taken.troubles.size(), Board::kTroublesMax);
  EXPECT_EQ(taken.troubles.back().text, "gap 49");
  EXPECT_EQ(taken.errors, 25);
  EXPECT_EQ(taken.warnings, 25);
}

TEST(Verdict, an_owner_is_healthy_as_long_as_rounds_end_or_objects_arrive) {
  FakeClock clock(kNow);
  const auto board = FilledBoard(7, clock);
  clock.Advance(180s);  // three intervals
  EXPECT_TRUE(Judge(board->Take()).healthy);
  clock.Advance(1s);
  board->AddTrouble({clock.UtcNow(), false, "round_failed why=\"login failed\""});
  const Verdict verdict = Judge(board->Take());
  EXPECT_FALSE(verdict.healthy);
  EXPECT_EQ(verdict.reason,
            "no successful round for 3 min 1 s (limit 3 min); last trouble: round_failed "
            "why=\"login failed\"");
  EXPECT_EQ(std::ranges::count(verdict.json, '\n'), 1);
  // A round of hours is fine while its objects arrive.
  TableFacts table = TableOf(1);
  table.last_object_at = clock.UtcNow();
  board->OnTable(table);
  EXPECT_TRUE(Judge(board->Take()).healthy);
}

TEST(Verdict, a_standby_is_healthy_and_a_program_that_never_got_there_is_not) {
  FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  EXPECT_FALSE(Judge(board.Take()).healthy);
  board.OnRole(Role::kStandby, "process 3 on other");
  clock.Advance(24h);
  EXPECT_TRUE(Judge(board.Take()).healthy);
  board.OnRole(Role::kOwner, "");
  EXPECT_TRUE(Judge(board.Take()).healthy) << "the first round has only begun";
  clock.Advance(181s);
  EXPECT_FALSE(Judge(board.Take()).healthy);
}

TEST(Verdict, a_stopped_table_is_said_but_does_not_fail_it) {
  FakeClock clock(kNow);
  const auto board = FilledBoard(3, clock);
  TableFacts table = TableOf(2);
  table.condition = Condition::kStopped;
  table.why = "gap";
  board->OnTable(table);
  const Verdict verdict = Judge(board->Take());
  EXPECT_TRUE(verdict.healthy);
  EXPECT_NE(verdict.json.find(R"("stopped":1)"), std::string::npos) << verdict.json;
  EXPECT_NE(verdict.json.find(R"(["Sales.Table0002"])"), std::string::npos) << verdict.json;
}

}  // namespace
}  // namespace cdc::status

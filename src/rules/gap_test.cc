#include "rules/gap.h"

#include <gtest/gtest.h>

#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using testing::Instance;
using testing::L;
using testing::P;

Position Inside(int transaction) { return Position::AfterRow({L(transaction), 1, L(1), 2}); }

TEST(Gap, rows_may_be_gone_when_the_low_end_is_beyond_the_next_possible_lsn) {
  EXPECT_FALSE(RowsMayBeGone(L(10), P(10)));
  EXPECT_FALSE(RowsMayBeGone(L(11), P(10)));
  EXPECT_TRUE(RowsMayBeGone(L(12), P(10)));
}

TEST(Gap, inside_a_transaction_rows_may_be_gone_when_the_low_end_is_beyond_it) {
  EXPECT_FALSE(RowsMayBeGone(L(10), Inside(10)));
  EXPECT_TRUE(RowsMayBeGone(L(11), Inside(10)));
}

TEST(Gap, a_gap_is_all_between_the_place_and_what_the_instance_holds) {
  const auto gap = GapBefore(Instance(1, 1, "A", 15), P(10));
  ASSERT_TRUE(gap);
  EXPECT_EQ(*gap, (Range{P(10), P(14)}));
  EXPECT_EQ(EndBefore(Instance(1, 1, "A", 15)), P(14));
}

TEST(Gap, a_gap_begins_inside_a_transaction_whose_rest_is_gone) {
  const auto gap = GapBefore(Instance(1, 1, "A", 11), Inside(10));
  ASSERT_TRUE(gap);
  EXPECT_EQ(*gap, (Range{Inside(10), P(10)}));
}

TEST(Gap, no_gap_is_empty_or_runs_backwards) {
  for (int start = 1; start < 20; ++start) {
    for (const Position& resume : {P(10), Inside(10)}) {
      const auto before = GapBefore(Instance(1, 1, "A", start), resume);
      EXPECT_TRUE(!before || before->from < before->to) << start;
      for (int horizon = 1; horizon < 20; ++horizon) {
        const auto gone = GapOfGoneTable(Instance(1, 1, "A", start), resume, L(horizon));
        EXPECT_TRUE(!gone || gone->from < gone->to) << start << ", " << horizon;
      }
    }
  }
}

TEST(Gap, of_a_table_that_is_gone_all_up_to_the_horizon_may_be_lost_whenever_the_next_one_began) {
  EXPECT_EQ(GapOfGoneTable(Instance(1, 1, "A", 5), P(10), L(20)), (Range{P(10), P(20)}));
  EXPECT_EQ(GapOfGoneTable(Instance(1, 1, "A", 25), P(10), L(20)), (Range{P(10), P(24)}));
  EXPECT_EQ(GapOfGoneTable(Instance(1, 1, "A", 5), P(20), L(20)), std::nullopt);
}

TEST(Gap, a_range_says_both_its_ends) {
  EXPECT_EQ((Range{P(10), P(14)}).ToString(), P(10).ToString() + " to " + P(14).ToString());
}

}  // namespace
}  // namespace cdc::rules

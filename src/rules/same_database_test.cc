#include "rules/same_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::L;
using ::testing::Not;

// A document whose anchor is LSN 20, and a server that has it.
class SameDatabaseTest : public ::testing::Test {
 protected:
  SameDatabaseTest() {
    document_.database_guid = identity_.guid = "guid";
    document_.family_guid = identity_.family_guid = "family";
    document_.recovery_fork_guid = identity_.recovery_fork_guid = "fork";
    document_.anchor = state::Anchor{L(20), "t20"};
    document_.complete_through = L(20);
    identity_.name = "Shop";
    identity_.server_name = "db1";
    Shows(10, 30);
    info_.anchor_time = "t20";
  }

  void Shows(int oldest, int newest) {
    info_.mapping_min = L(oldest);
    info_.mapping_max = L(newest);
    info_.horizon = source::Horizon{L(newest), "t" + std::to_string(newest)};
  }
  // The mapping ends before the anchor, or begins after it.
  void IsBehind() {
    info_.anchor_time.reset();
    Shows(5, 15);
  }
  void IsPast() {
    info_.anchor_time.reset();
    Shows(25, 30);
  }
  DatabaseVerdict Judge() { return JudgeDatabase(document_, identity_, info_); }

  state::Document document_;
  source::DatabaseIdentity identity_;
  source::PollInfo info_;
};

TEST_F(SameDatabaseTest, an_anchor_that_is_there_with_its_time_is_the_same_database) {
  EXPECT_EQ(Judge().history, History::kSame);
  EXPECT_EQ(Judge().changed, "");
}

TEST_F(SameDatabaseTest, a_document_without_an_anchor_knows_nothing_that_could_differ) {
  document_.anchor.reset();
  info_.anchor_time.reset();
  EXPECT_EQ(Judge().history, History::kSame);
}

TEST_F(SameDatabaseTest, an_anchor_with_another_time_is_another_history) {
  info_.anchor_time = "another";
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_THAT(Judge().why, HasSubstr("now has the time another"));
}

TEST_F(SameDatabaseTest, an_anchor_that_is_missing_inside_the_range_is_another_history) {
  info_.anchor_time.reset();
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_THAT(Judge().why, HasSubstr("is not in cdc.lsn_time_mapping any more"));
}

TEST_F(SameDatabaseTest, a_server_that_has_not_reached_the_anchor_is_waited_for) {
  IsBehind();
  EXPECT_EQ(Judge().history, History::kWait);
  info_ = {};
  EXPECT_EQ(Judge().history, History::kWait) << "cleanup emptied the mapping";
}

TEST_F(SameDatabaseTest, retention_may_have_passed_the_anchor) {
  IsPast();
  EXPECT_EQ(Judge().history, History::kPassed);
}

TEST_F(SameDatabaseTest, a_new_broker_with_a_good_anchor_is_told_and_the_same_database) {
  identity_.guid = "new";
  EXPECT_EQ(Judge().history, History::kSame);
  EXPECT_EQ(Judge().changed, "service_broker_guid new instead of guid");
}

TEST_F(SameDatabaseTest, a_restore_behind_all_that_was_delivered_is_told_and_the_same_database) {
  identity_.recovery_fork_guid = "new";
  EXPECT_EQ(Judge().history, History::kSame);
  EXPECT_EQ(Judge().changed, "recovery_fork_guid new instead of fork");
}

TEST_F(SameDatabaseTest, nothing_outweighs_an_anchor_with_another_time) {
  info_.anchor_time = "another";
  identity_.guid = "new";
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_EQ(Judge().changed, "");
}

TEST_F(SameDatabaseTest, a_new_fork_with_the_server_behind_the_anchor_is_a_restore) {
  IsBehind();
  identity_.recovery_fork_guid = "new";
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_THAT(Judge().why, AllOf(HasSubstr("it was restored (recovery_fork_guid new instead of"),
                                 HasSubstr("database that was set back")));
}

TEST_F(SameDatabaseTest, a_server_that_tells_no_fork_and_is_behind_is_waited_for) {
  IsBehind();
  identity_.recovery_fork_guid = "";
  EXPECT_EQ(Judge().history, History::kWait);
}

TEST_F(SameDatabaseTest, without_the_anchor_another_broker_of_the_same_family_is_the_database) {
  IsPast();
  identity_.guid = "new";
  EXPECT_EQ(Judge().history, History::kPassed);
  EXPECT_THAT(Judge().changed, HasSubstr("service_broker_guid"));
}

TEST_F(SameDatabaseTest,
       without_the_anchor_another_broker_of_a_family_nobody_tells_is_another_one) {
  IsPast();
  identity_.guid = "new";
  identity_.family_guid = "";
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_THAT(Judge().why, AllOf(HasSubstr("database Shop on db1 is another one"),
                                 HasSubstr("service_broker_guid new instead of guid")));
}

TEST_F(SameDatabaseTest, without_the_anchor_another_family_is_another_database) {
  IsPast();
  identity_.family_guid = "new";
  EXPECT_EQ(Judge().history, History::kReplaced);
  EXPECT_THAT(Judge().why, HasSubstr("family_guid new instead of family"));
}

TEST_F(SameDatabaseTest, what_the_server_does_not_tell_differs_from_nothing_and_stays_known) {
  identity_.guid = identity_.family_guid = identity_.recovery_fork_guid = "";
  IsPast();
  EXPECT_EQ(Judge().history, History::kPassed);
  EXPECT_EQ(Judge().changed, "");
  EXPECT_FALSE(DiffersFrom(document_, IdentityOf(document_, identity_)));
}

TEST_F(SameDatabaseTest, what_the_server_tells_anew_is_taken) {
  for (std::string source::DatabaseIdentity::*told :
       {&source::DatabaseIdentity::guid, &source::DatabaseIdentity::family_guid,
        &source::DatabaseIdentity::recovery_fork_guid}) {
    source::DatabaseIdentity identity = identity_;
    identity.*told = "new";
    EXPECT_TRUE(DiffersFrom(document_, IdentityOf(document_, identity)));
  }
  identity_.guid = "new";
  EXPECT_EQ(IdentityOf(document_, identity_).database_guid, "new");
  EXPECT_EQ(IdentityOf(document_, identity_).family_guid, "family");
}

TEST_F(SameDatabaseTest, the_advice_repeats_no_row) {
  EXPECT_THAT(AdviceForReplaced(document_, info_),
              AllOf(HasSubstr("adopt --new-history --start " + L(20).ToString() + " --yes"),
                    Not(HasSubstr("oldest"))));
  IsBehind();
  EXPECT_THAT(AdviceForReplaced(document_, info_), HasSubstr("--start now --yes"));
  document_.complete_through = {};
  EXPECT_THAT(AdviceForReplaced(document_, info_), HasSubstr("--start now --yes"));
}

TEST_F(SameDatabaseTest, the_anchor_is_the_horizon_with_its_time) {
  EXPECT_EQ(AnchorOf(*info_.horizon), (state::Anchor{L(30), "t30"}));
}

}  // namespace
}  // namespace cdc::rules

#include "rules/instance_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using ::testing::AllOf;
using testing::DocumentOf;
using testing::Entry;
using ::testing::HasSubstr;
using testing::Instance;
using testing::L;
using ::testing::Not;
using testing::P;
using What = InstanceChoice::What;

// The entry dbo.A of source table 1, read from change table 10, delivered up to LSN 20; the server
// shows changes up to 30.
class ChooseInstanceTest : public ::testing::Test {
 protected:
  InstanceChoice Choose(bool claim_open = false) {
    return ChooseInstance(DocumentOf({entry_}), entry_, {instances_, horizon_, pinned_},
                          claim_open);
  }

  state::Table entry_ = Entry("A", Instance(10, 1, "A", 5), 20);
  Instances instances_ = {Instance(10, 1, "A", 5)};
  Lsn horizon_ = L(30);
  std::vector<std::string> pinned_;
};

TEST(HasBegunTest, an_instance_has_begun_when_all_before_it_is_known) {
  EXPECT_TRUE(HasBegun(Instance(1, 1, "A", 30), L(30)));
  EXPECT_TRUE(HasBegun(Instance(1, 1, "A", 31), L(30)));
  EXPECT_FALSE(HasBegun(Instance(1, 1, "A", 32), L(30)));
  EXPECT_FALSE(HasBegun(Instance(1, 1, "A", 0), L(30))) << "the capture process has not seen it";
}

TEST_F(ChooseInstanceTest, the_instance_that_the_entry_names_is_read) {
  const auto choice = Choose();
  EXPECT_EQ(choice.what, What::kRead);
  EXPECT_EQ(choice.instance.name, "i10");
  EXPECT_EQ(choice.through, std::nullopt);
  EXPECT_EQ(choice.namesake, std::nullopt);
}

TEST_F(ChooseInstanceTest, a_table_that_was_renamed_or_whose_name_is_hidden_is_read_on) {
  for (const char* name : {"A_old", ""}) {
    instances_ = {Instance(10, 1, name, 5)};
    EXPECT_EQ(Choose().what, What::kRead);
  }
}

TEST_F(ChooseInstanceTest, a_newer_instance_takes_over_at_its_own_start) {
  instances_.push_back(Instance(11, 1, "A", 25));
  auto choice = Choose();
  EXPECT_EQ(choice.what, What::kRead);
  EXPECT_EQ(choice.instance.name, "i10");
  EXPECT_EQ(choice.through, L(24));

  entry_.position = P(24);
  choice = Choose();
  EXPECT_EQ(choice.what, What::kFollow);
  EXPECT_EQ(choice.instance.name, "i11");
}

TEST_F(ChooseInstanceTest, a_claim_is_read_again_from_the_instance_that_it_was_made_from) {
  instances_.push_back(Instance(11, 1, "A", 15));
  EXPECT_EQ(Choose(/*claim_open=*/false).what, What::kFollow);
  const auto choice = Choose(/*claim_open=*/true);
  EXPECT_EQ(choice.what, What::kRead);
  EXPECT_EQ(choice.instance.name, "i10");
}

TEST_F(ChooseInstanceTest, inside_a_transaction_a_newer_instance_must_hold_all_of_it) {
  entry_.position = Position::AfterRow({L(25), 1, L(3), 2});
  instances_.push_back(Instance(11, 1, "A", 26));
  EXPECT_EQ(Choose().what, What::kRead);
  instances_.back() = Instance(11, 1, "A", 25);
  EXPECT_EQ(Choose().what, What::kFollow);
}

TEST_F(ChooseInstanceTest, a_newer_instance_that_has_not_begun_changes_nothing) {
  for (const int start : {0, 40}) {
    instances_ = {Instance(10, 1, "A", 5), Instance(11, 1, "A", start)};
    EXPECT_EQ(Choose().what, What::kRead);
    EXPECT_EQ(Choose().through, std::nullopt);
  }
}

TEST_F(ChooseInstanceTest, newer_is_told_by_lsn_and_object_id_and_never_by_local_time) {
  instances_ = {Instance(10, 1, "A", 15), Instance(11, 1, "A", 12)};
  instances_[0].create_date = "2026-10-25 02:10:00";
  instances_[1].create_date = "2026-10-25 02:50:00";
  EXPECT_EQ(Choose().what, What::kRead) << "it begins before the one that is read";
  instances_[1] = Instance(11, 1, "A", 15);
  instances_[1].create_date = "2026-10-25 01:00:00";
  EXPECT_EQ(Choose().what, What::kFollow) << "cleanup gave both the same low end";
}

TEST_F(ChooseInstanceTest, an_instance_that_was_left_is_never_gone_back_to) {
  instances_ = {Instance(10, 1, "A", 15), Instance(11, 1, "A", 15)};
  ASSERT_EQ(Choose().what, What::kFollow);
  entry_.earlier_instances = {11};
  EXPECT_EQ(Choose().what, What::kRead);
  EXPECT_EQ(Choose().instance.name, "i10");
  EXPECT_EQ(Choose().through, std::nullopt);
}

// i11 is read; cleanup has passed it, and i10, which was left for it, still shows the rows.
TEST_F(ChooseInstanceTest,
       an_instance_that_was_left_helps_out_where_only_it_shows_what_comes_next) {
  entry_ = Entry("A", Instance(11, 1, "A", 15), 20);
  entry_.earlier_instances = {10};
  instances_ = {Instance(10, 1, "A", 5), Instance(11, 1, "A", 27)};
  EXPECT_EQ(Choose().what, What::kFollow);
  EXPECT_EQ(Choose().instance.name, "i10");
  EXPECT_TRUE(Choose().helps_out);
  EXPECT_EQ(Choose().through, L(26)) << "from there i11 goes on";
}

TEST_F(ChooseInstanceTest,
       one_that_helps_out_is_left_as_soon_as_the_other_one_shows_what_comes_next) {
  entry_.earlier_instances = {10};  // it helps out for i11
  instances_ = {Instance(10, 1, "A", 5), Instance(11, 1, "A", 27)};
  EXPECT_EQ(Choose().what, What::kRead);
  EXPECT_EQ(Choose().through, L(26));
  entry_.position = P(26);
  EXPECT_EQ(Choose().what, What::kFollow);
  EXPECT_EQ(Choose().instance.name, "i11");
  EXPECT_FALSE(Choose().helps_out);
  instances_ = {Instance(12, 1, "A", 25), Instance(11, 1, "A", 25)};
  entry_ = Entry("A", instances_[0], 26);
  entry_.earlier_instances = {12};
  EXPECT_EQ(Choose().instance.name, "i11") << "whatever the object ids say";
}

TEST_F(ChooseInstanceTest, a_pinned_instance_is_never_left_for_a_newer_one) {
  instances_.push_back(Instance(11, 1, "A", 15));
  pinned_ = {"i10"};
  EXPECT_EQ(Choose().what, What::kRead);
  EXPECT_EQ(Choose().through, std::nullopt);
}

TEST_F(ChooseInstanceTest, a_pinned_instance_is_gone_to_as_soon_as_it_holds_what_comes_next) {
  entry_ = Entry("A", Instance(11, 1, "A", 15), 20);
  entry_.earlier_instances = {10};
  instances_ = {Instance(10, 1, "A", 5), Instance(11, 1, "A", 15)};
  pinned_ = {"i10"};
  EXPECT_EQ(Choose().what, What::kFollow) << "though it is older, and was left once";
  EXPECT_EQ(Choose().instance.name, "i10");
  instances_[0] = Instance(10, 1, "A", 27);
  EXPECT_EQ(Choose().what, What::kRead);
  EXPECT_EQ(Choose().through, L(26));
}

TEST_F(ChooseInstanceTest, where_the_named_one_is_gone_another_one_without_a_gap_is_followed) {
  instances_ = {Instance(11, 1, "A", 21)};
  EXPECT_EQ(Choose().what, What::kFollow);
  EXPECT_EQ(Choose().instance.name, "i11");
}

TEST_F(ChooseInstanceTest, where_the_named_one_is_gone_and_the_other_begins_later_there_is_a_gap) {
  instances_ = {Instance(11, 1, "A", 22)};
  EXPECT_EQ(Choose().what, What::kGap);
  EXPECT_EQ(Choose().instance.name, "i11");
}

TEST_F(ChooseInstanceTest, of_several_others_the_one_that_goes_back_farthest_comes_first) {
  instances_ = {Instance(12, 1, "A", 25), Instance(11, 1, "A", 22)};
  EXPECT_EQ(Choose().instance.name, "i11");
}

TEST_F(ChooseInstanceTest, where_the_named_one_is_gone_the_other_one_must_have_begun) {
  instances_ = {Instance(11, 1, "A", 40)};
  EXPECT_EQ(Choose().what, What::kNotYet);
  EXPECT_EQ(Choose().instance.name, "i11");
}

TEST_F(ChooseInstanceTest,
       a_captured_table_is_followed_by_object_id_after_a_rename_and_off_and_on) {
  instances_ = {Instance(11, 1, "A_old", 21), Instance(20, 2, "B", 5)};
  EXPECT_EQ(Choose().what, What::kFollow);
  EXPECT_EQ(Choose().instance.name, "i11");
}

TEST_F(ChooseInstanceTest, an_instance_of_the_same_name_that_was_made_anew_is_another_one) {
  instances_ = {Instance(11, 1, "A", 25)};
  instances_[0].name = "i10";
  EXPECT_EQ(Choose().what, What::kGap);
}

TEST_F(ChooseInstanceTest, a_change_table_id_that_another_source_table_got_is_not_the_named_one) {
  instances_ = {Instance(10, 2, "B", 5)};
  EXPECT_EQ(Choose().what, What::kGone);
}

TEST_F(ChooseInstanceTest, a_table_without_an_instance_is_gone) {
  instances_ = {Instance(20, 2, "B", 5)};
  EXPECT_EQ(Choose().what, What::kGone);
  EXPECT_EQ(Choose().namesake, std::nullopt);
}

TEST_F(ChooseInstanceTest, another_table_under_the_name_is_told_and_never_read_in_its_place) {
  instances_ = {Instance(20, 2, "A", 5)};
  auto choice = Choose();
  EXPECT_EQ(choice.what, What::kGone);
  ASSERT_TRUE(choice.namesake);
  EXPECT_EQ(choice.namesake->name, "i20");

  instances_ = {Instance(20, 2, "A", 5), Instance(10, 1, "A_old", 5)};
  choice = Choose();
  EXPECT_EQ(choice.what, What::kRead);
  EXPECT_EQ(choice.instance.name, "i10");
  EXPECT_EQ(choice.namesake->name, "i20");
}

TEST_F(ChooseInstanceTest,
       of_another_table_under_the_name_the_instance_is_told_that_it_begins_with) {
  instances_ = {Instance(21, 2, "A", 25), Instance(20, 2, "A", 15), Instance(10, 1, "A_old", 5)};
  EXPECT_EQ(Choose().namesake->name, "i20");
  pinned_ = {"i21"};
  EXPECT_EQ(Choose().namesake->name, "i21");
  pinned_ = {};
  instances_ = {Instance(20, 2, "A", 0)};
  ASSERT_TRUE(Choose().namesake) << "it is told before the capture process has reached it";
  EXPECT_FALSE(HasBegun(*Choose().namesake, horizon_));
}

TEST_F(ChooseInstanceTest, two_delivered_tables_that_exchange_names_are_both_read_on) {
  const auto other = Entry("B", Instance(20, 2, "B", 5), 20);
  instances_ = {Instance(10, 1, "B", 5), Instance(20, 2, "A", 5)};
  const auto document = DocumentOf({entry_, other});
  for (const state::Table& entry : {entry_, other}) {
    const auto choice = ChooseInstance(document, entry, {instances_, horizon_, pinned_}, false);
    EXPECT_EQ(choice.what, What::kRead);
    EXPECT_EQ(choice.instance.change_table_object_id, entry.change_table_object_id);
    EXPECT_EQ(choice.namesake, std::nullopt);
  }
}

TEST_F(ChooseInstanceTest, a_table_that_was_replaced_is_told_what_happened_and_both_ways_on) {
  instances_ = {Instance(20, 2, "A", 5), Instance(10, 1, "A_old", 5)};
  entry_.name_today = "dbo.A_old";
  EXPECT_THAT(WhyReplaced(entry_, Choose()),
              AllOf(HasSubstr("(capture instance i20, object id 2)"),
                    HasSubstr("(object id 1) is called dbo.A_old today"),
                    HasSubstr("cdc-to-s3 follow dbo.A --yes, or [source] on_replace = \"follow\""),
                    HasSubstr("give it another name"), Not(HasSubstr("gap"))));
  instances_.pop_back();
  EXPECT_THAT(WhyReplaced(entry_, Choose()),
              AllOf(HasSubstr("is not captured any more"), HasSubstr("or recorded as a gap")));
}

TEST(FirstInstanceTest, a_new_entry_begins_with_what_goes_back_farthest_or_is_pinned) {
  const Instances instances = {Instance(12, 1, "A", 9), Instance(11, 1, "A", 7),
                               Instance(20, 2, "B", 5), Instance(13, 1, "A", 0)};
  const Lsn horizon = L(30);
  const std::vector<std::string> none, second = {"i12"}, third = {"i13"};
  EXPECT_EQ(FirstInstance(1, {instances, horizon, none})->name, "i11");
  EXPECT_EQ(FirstInstance(1, {instances, horizon, second})->name, "i12");
  EXPECT_EQ(FirstInstance(1, {instances, horizon, third})->name, "i11") << "it has not begun";
  EXPECT_EQ(FirstInstance(3, {instances, horizon, none}), nullptr);
}

}  // namespace
}  // namespace cdc::rules

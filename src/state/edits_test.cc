#include "state/edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Lsn L(int n) {
  Lsn lsn;
  lsn.bytes[9] = static_cast<uint8_t>(n);
  return lsn;
}

Position P(int n) { return Position::After(L(n)); }

// A document with two tables, dbo.A at LSN 10 and dbo.B at LSN 20.
class EditsTest : public ::testing::Test {
 protected:
  EditsTest() {
    Enter("A", 1, 10);
    Enter("B", 2, 20);
  }

  void Enter(const std::string& name, int64_t source_object_id, int at) {
    Table table;
    table.schema = "dbo";
    table.name = name;
    table.source_object_id = source_object_id;
    table.change_table_object_id = 100 * source_object_id;
    table.capture_instance = "dbo_" + name;
    table.folder = "Shop/" + name + "/cdc/";
    table.start = table.position = P(at);
    Apply(EnterTable{table}, &document_);
  }
  Table& At(const std::string& name) { return document_.tables.at(name); }
  void Claim(const std::string& name, int64_t sequence, int from, int to,
             const std::map<std::string, int64_t>& altered = {}, const KnownColumns& columns = {}) {
    state::Claim claim;
    claim.sequence = sequence;
    claim.from = P(from);
    claim.to = P(to);
    claim.key = "key " + std::to_string(sequence);
    Apply(ClaimObject{name, claim, altered, columns, "", {}}, &document_);
  }
  void Follow(const std::string& name, int64_t change_table) {
    Apply(FollowInstance{name, {"i", change_table, 1}}, &document_);
  }
  // Whether the edit leaves the document as it is.
  bool ChangesNothing(const Edit& edit) const {
    Document after = document_;
    Apply(edit, &after);
    return after == document_;
  }

  Document document_;
};

TEST_F(EditsTest, a_table_is_entered_under_its_qualified_name_and_never_over_another_entry) {
  EXPECT_THAT(document_.tables, SizeIs(2));
  Table other = At("dbo.A");
  other.source_object_id = 77;
  EXPECT_TRUE(ChangesNothing(EnterTable{other}));
}

TEST_F(EditsTest, a_table_that_is_withdrawn_has_no_entry) {
  Apply(WithdrawTable{"dbo.A"}, &document_);
  EXPECT_FALSE(document_.tables.contains("dbo.A"));
  EXPECT_TRUE(document_.tables.contains("dbo.B"));
  EXPECT_TRUE(ChangesNothing(WithdrawTable{"dbo.A"}));
}

TEST_F(EditsTest, an_instance_that_is_followed_is_the_tables_and_the_one_before_is_remembered) {
  Apply(FollowInstance{"dbo.A", {"dbo_A_2", 101, 1}}, &document_);
  EXPECT_EQ(At("dbo.A").capture_instance, "dbo_A_2");
  EXPECT_EQ(At("dbo.A").change_table_object_id, 101);
  EXPECT_EQ(At("dbo.A").source_object_id, 1);
  EXPECT_THAT(At("dbo.A").earlier_instances, ElementsAre(100));
  EXPECT_EQ(At("dbo.A").position, P(10)) << "the table stays where it is";
  EXPECT_TRUE(ChangesNothing(FollowInstance{"dbo.A", {"dbo_A_2", 101, 1}}));
}

TEST_F(EditsTest, an_instance_that_is_gone_back_to_is_no_earlier_one) {
  Follow("dbo.A", 101);
  Follow("dbo.A", 100);
  EXPECT_THAT(At("dbo.A").earlier_instances, ElementsAre(101));
}

TEST_F(EditsTest, of_the_earlier_instances_the_newest_sixteen_are_remembered) {
  for (int64_t next = 101; next <= 120; ++next) Follow("dbo.A", next);
  EXPECT_THAT(At("dbo.A").earlier_instances, SizeIs(16));
  EXPECT_EQ(At("dbo.A").earlier_instances.front(), 104);
  EXPECT_EQ(At("dbo.A").earlier_instances.back(), 119);
}

TEST_F(EditsTest, an_instance_that_helps_out_is_among_those_that_were_left) {
  const int64_t first = At("dbo.A").change_table_object_id;
  Follow("dbo.A", 901);
  Apply(FollowInstance{"dbo.A", {"first", first, 1}, /*helps_out=*/true}, &document_);
  EXPECT_THAT(At("dbo.A").earlier_instances, ElementsAre(first));
  Follow("dbo.A", 901);
  EXPECT_THAT(At("dbo.A").earlier_instances, ElementsAre(first)) << "as if it had never been left";
  Apply(FollowInstance{"dbo.A", {"older", 902, 1}, /*helps_out=*/true}, &document_);
  EXPECT_THAT(At("dbo.A").earlier_instances, ElementsAre(first, 902));
}

TEST_F(EditsTest, what_the_settings_keep_back_is_remembered_without_an_object) {
  const Table before = At("dbo.A");
  Apply(RememberColumns{"dbo.A", {{3, "Mail", kMasked}}}, &document_);
  EXPECT_THAT(At("dbo.A").columns, ElementsAre(KnownColumn{3, "Mail", kMasked}));
  At("dbo.A").columns = before.columns;
  EXPECT_EQ(At("dbo.A"), before) << "and nothing else changes";
}

TEST_F(EditsTest, an_operator_who_allows_a_follower_ends_the_stop) {
  Apply(StopTable{"dbo.A", "replaced", "then"}, &document_);
  Apply(AllowFollower{"dbo.A", 9}, &document_);
  EXPECT_EQ(At("dbo.A").follows, 9);
  EXPECT_EQ(At("dbo.A").stopped, "");
  EXPECT_EQ(At("dbo.A").stopped_since, "");
  EXPECT_EQ(At("dbo.A").source_object_id, 1) << "the present table is delivered first";
}

TEST_F(EditsTest, a_table_that_follows_has_name_folder_numbers_and_gaps_of_the_earlier_one) {
  Claim("dbo.A", 1, 10, 12);
  Apply(RecordGap{"dbo.A", {P(12), P(14), "now", 0, 1}}, &document_);
  const Table before = At("dbo.A");
  Apply(FollowTable{"dbo.A", {"dbo_A_new", 900, 9}, P(13), {}}, &document_);
  const Table& after = At("dbo.A");
  EXPECT_EQ(after.QualifiedName(), "dbo.A");
  EXPECT_EQ(after.folder, before.folder);
  EXPECT_EQ(after.claim, before.claim);
  EXPECT_EQ(after.gaps, before.gaps);
  EXPECT_EQ(after.source_object_id, 9);
  EXPECT_EQ(after.change_table_object_id, 900);
  EXPECT_EQ(after.capture_instance, "dbo_A_new");
  EXPECT_EQ(after.start, P(13));
  EXPECT_EQ(after.position, P(13));
}

TEST_F(EditsTest, a_table_that_follows_has_nothing_else_of_the_earlier_one) {
  const KnownColumns columns = {{3, "Mail", kMasked}};
  Claim("dbo.A", 1, 10, 12, {}, columns);
  Apply(NoteEmpty{"dbo.A", L(15)}, &document_);
  Apply(NoteName{"dbo.A", "dbo.A_old"}, &document_);
  Apply(AllowFollower{"dbo.A", 9}, &document_);
  Apply(StopTable{"dbo.A", "why", "then"}, &document_);
  Follow("dbo.A", 101);
  At("dbo.A").in_cut = true;
  Apply(FollowTable{"dbo.A", {"dbo_A_new", 900, 9}, P(13), {{1, "Id", kMasked}}}, &document_);
  const Table& after = At("dbo.A");
  EXPECT_THAT(after.earlier_tables, ElementsAre(EarlierTable{1, P(15), columns}))
      << "where all of it is delivered or known not to exist";
  EXPECT_THAT(after.earlier_instances, IsEmpty());
  EXPECT_THAT(after.columns, ElementsAre(KnownColumn{1, "Id", kMasked}));
  EXPECT_EQ(after.follows, 0);
  EXPECT_EQ(after.name_today, "");
  EXPECT_TRUE(after.empty_through.is_zero());
  EXPECT_FALSE(after.in_cut);
  EXPECT_EQ(after.stopped, "");
  EXPECT_EQ(after.stopped_since, "");
}

TEST_F(EditsTest, a_start_that_moves_takes_the_position_along) {
  Apply(MoveStart{"dbo.A", P(11)}, &document_);
  EXPECT_EQ(At("dbo.A").start, P(11));
  EXPECT_EQ(At("dbo.A").position, P(11));
}

TEST_F(EditsTest, todays_name_stands_beside_the_entrys) {
  Apply(NoteName{"dbo.A", "dbo.A_old"}, &document_);
  EXPECT_EQ(At("dbo.A").name, "A");
  EXPECT_EQ(At("dbo.A").NameForPeople(), "dbo.A (called dbo.A_old today)");
  Apply(NoteName{"dbo.A", ""}, &document_);
  EXPECT_EQ(At("dbo.A").NameForPeople(), "dbo.A");
}

TEST_F(EditsTest, a_claim_moves_the_table_and_carries_the_gaps_that_no_object_had) {
  Apply(RecordGap{"dbo.A", {P(10), P(11), "now"}}, &document_);
  Claim("dbo.A", 1, 11, 12, {}, {{3, "Mail", kLeftOut}});
  Apply(RecordGap{"dbo.A", {P(12), P(13), "now"}}, &document_);
  EXPECT_EQ(At("dbo.A").gaps[0].carried_by, 1);
  EXPECT_EQ(At("dbo.A").gaps[1].carried_by, 0);
  Claim("dbo.A", 2, 13, 15);
  EXPECT_EQ(At("dbo.A").gaps[0].carried_by, 1);
  EXPECT_EQ(At("dbo.A").gaps[1].carried_by, 2);
  EXPECT_EQ(At("dbo.A").position, P(15));
  EXPECT_EQ(At("dbo.A").sequence(), 2);
  EXPECT_FALSE(At("dbo.A").claim->confirmed);
  EXPECT_THAT(At("dbo.A").columns, IsEmpty()) << "as they were read last";
}

TEST_F(EditsTest, altered_values_are_counted_by_column_and_those_of_too_many_columns_together) {
  std::map<std::string, int64_t> altered;
  for (int i = 0; i < 99; ++i) altered["c" + std::to_string(i)] = 1;
  Claim("dbo.A", 1, 10, 11, altered);
  Claim("dbo.A", 2, 11, 12, {{"c0", 4}, {"d0", 1}, {"d1", 2}, {"d2", 3}});
  const auto& counts = At("dbo.A").altered_values;
  EXPECT_EQ(counts.at("c0"), 5);
  EXPECT_EQ(counts.at("d0"), 1);
  EXPECT_EQ(counts.at(kOtherColumns), 5);
  EXPECT_THAT(counts, SizeIs(kAlteredColumnsKept + 1));
}

TEST_F(EditsTest, only_the_last_claim_can_be_confirmed) {
  EXPECT_TRUE(ChangesNothing(ConfirmClaim{"dbo.A", 1})) << "there is none";
  Claim("dbo.A", 2, 10, 12);
  EXPECT_TRUE(ChangesNothing(ConfirmClaim{"dbo.A", 1}));
  Apply(ConfirmClaim{"dbo.A", 2}, &document_);
  EXPECT_TRUE(At("dbo.A").claim->confirmed);
}

TEST_F(EditsTest, a_gap_before_the_next_object_moves_the_table_behind_it) {
  Claim("dbo.A", 1, 10, 12);
  Apply(RecordGap{"dbo.A", {P(12), P(19), "now"}}, &document_);
  EXPECT_EQ(At("dbo.A").position, P(19));
  EXPECT_FALSE(At("dbo.A").claim->incomplete);
}

TEST_F(EditsTest, a_gap_inside_a_claim_makes_it_incomplete_and_moves_nothing) {
  Claim("dbo.A", 1, 10, 12);
  Apply(RecordGap{"dbo.A", {P(10), P(12), "now", 1}}, &document_);
  EXPECT_TRUE(At("dbo.A").claim->incomplete);
  EXPECT_EQ(At("dbo.A").position, P(12));
  EXPECT_THAT(At("dbo.A").gaps, SizeIs(1));
}

TEST_F(EditsTest, a_gap_of_an_earlier_table_does_not_move_the_one_that_followed) {
  Apply(RecordGap{"dbo.A", {P(10), P(30), "now", 0, 77}}, &document_);
  EXPECT_EQ(At("dbo.A").position, P(10));
  EXPECT_EQ(At("dbo.A").gaps[0].source_object_id, 77);
}

TEST_F(EditsTest, a_claim_whose_object_is_whole_has_no_gap_inside) {
  Apply(RecordGap{"dbo.A", {P(10), P(11), "now"}}, &document_);
  Claim("dbo.A", 1, 11, 13);
  Apply(RecordGap{"dbo.A", {P(11), P(13), "now", 1}}, &document_);
  Apply(FindWhole{"dbo.A"}, &document_);
  EXPECT_FALSE(At("dbo.A").claim->incomplete);
  ASSERT_THAT(At("dbo.A").gaps, SizeIs(1)) << "the one before it stays";
  EXPECT_EQ(At("dbo.A").gaps[0].to, P(11));
  EXPECT_TRUE(ChangesNothing(FindWhole{"dbo.B"})) << "it has no claim";
}

TEST_F(EditsTest, of_many_gaps_the_oldest_that_an_object_carries_goes_and_never_another_one) {
  Claim("dbo.A", 1, 10, 11);
  for (int i = 0; i < 100; ++i) Apply(RecordGap{"dbo.A", {P(i), P(i + 1), "now"}}, &document_);
  Apply(RecordGap{"dbo.A", {P(100), P(101), "now"}}, &document_);
  EXPECT_THAT(At("dbo.A").gaps, SizeIs(101)) << "no object carries one of them";
  Claim("dbo.A", 2, 101, 102);
  Apply(RecordGap{"dbo.A", {P(102), P(103), "now"}}, &document_);
  EXPECT_THAT(At("dbo.A").gaps, SizeIs(102)) << "their object may have to be made again";
  Claim("dbo.A", 3, 103, 104);
  Apply(RecordGap{"dbo.A", {P(104), P(105), "now"}}, &document_);
  EXPECT_THAT(At("dbo.A").gaps, SizeIs(102));
  EXPECT_EQ(At("dbo.A").gaps.front().from, P(1));
}

TEST_F(EditsTest, a_table_that_stops_for_the_same_reason_is_stopped_since_the_first_time) {
  Apply(StopTable{"dbo.A", "why", "then"}, &document_);
  EXPECT_TRUE(ChangesNothing(StopTable{"dbo.A", "why", "later"}));
  Apply(StopTable{"dbo.A", "another", "later"}, &document_);
  EXPECT_EQ(At("dbo.A").stopped, "another");
  EXPECT_EQ(At("dbo.A").stopped_since, "later");
  EXPECT_TRUE(ChangesNothing(StopTable{"dbo.Nobody", "why", "then"}));
}

TEST_F(EditsTest, a_table_that_resumes_is_stopped_by_nothing) {
  const Document before = document_;
  Apply(StopTable{"dbo.A", "why", "then"}, &document_);
  Apply(ResumeTable{"dbo.A"}, &document_);
  EXPECT_EQ(document_, before);
}

TEST_F(EditsTest, a_table_that_is_left_out_keeps_what_the_cut_knew_of_it) {
  document_.complete_through = L(15);
  At("dbo.A").in_cut = true;
  Apply(StopTable{"dbo.A", "why", "then"}, &document_);
  const Position resume = document_.ResumePosition(At("dbo.A"));
  Apply(LeaveOut{"dbo.A"}, &document_);
  EXPECT_FALSE(At("dbo.A").in_cut);
  EXPECT_EQ(At("dbo.A").stopped, "");
  EXPECT_EQ(document_.ResumePosition(At("dbo.A")), resume);
}

TEST_F(EditsTest, a_table_outside_the_cut_that_is_left_out_learns_nothing_from_it) {
  document_.complete_through = L(15);
  Apply(LeaveOut{"dbo.A"}, &document_);
  EXPECT_EQ(document_.ResumePosition(At("dbo.A")), P(10));
}

TEST_F(EditsTest, what_is_known_to_be_empty_only_grows) {
  Apply(NoteEmpty{"dbo.A", L(15)}, &document_);
  EXPECT_TRUE(ChangesNothing(NoteEmpty{"dbo.A", L(14)}));
  EXPECT_EQ(document_.ResumePosition(At("dbo.A")), P(15));
}

TEST_F(EditsTest, the_anchor_only_moves_forward) {
  Apply(MoveAnchor{{L(5), "t5"}}, &document_);
  EXPECT_TRUE(ChangesNothing(MoveAnchor{{L(4), "t4"}}));
  EXPECT_TRUE(ChangesNothing(MoveAnchor{{L(5), "another"}}));
  Apply(MoveAnchor{{L(6), "t6"}}, &document_);
  EXPECT_EQ(document_.anchor, (Anchor{L(6), "t6"}));
}

TEST_F(EditsTest, the_identity_is_taken_as_it_is_told) {
  Apply(TakeIdentity{"guid", "family", "fork"}, &document_);
  EXPECT_EQ(document_.database_guid, "guid");
  EXPECT_EQ(document_.family_guid, "family");
  EXPECT_EQ(document_.recovery_fork_guid, "fork");
}

TEST_F(EditsTest, a_round_is_complete_as_far_as_the_table_of_the_cut_that_is_farthest_behind) {
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(30)}, &document_);
  EXPECT_EQ(document_.complete_through, L(30));
  EXPECT_THAT(document_.held_back_by, IsEmpty());
  EXPECT_TRUE(At("dbo.A").in_cut);
  EXPECT_TRUE(At("dbo.A").empty_through.is_zero()) << "complete_through says it";
  Apply(CloseRound{{"dbo.B"}, L(40)}, &document_);
  EXPECT_EQ(document_.complete_through, L(30));
  EXPECT_THAT(document_.held_back_by, ElementsAre("dbo.A"));
  EXPECT_EQ(At("dbo.B").empty_through, L(40));
}

TEST_F(EditsTest, a_claim_whose_object_is_not_known_to_be_there_holds_the_cut_back) {
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(30)}, &document_);
  Claim("dbo.A", 1, 32, 34);
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(40)}, &document_);
  EXPECT_EQ(document_.complete_through, L(32)) << "nobody can read its rows yet";
  Apply(ConfirmClaim{"dbo.A", 1}, &document_);
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(40)}, &document_);
  EXPECT_EQ(document_.complete_through, L(40));
}

TEST_F(EditsTest, inside_a_transaction_the_cut_ends_before_it) {
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(30)}, &document_);
  state::Claim claim;
  claim.sequence = 1;
  claim.from = P(30);
  claim.to = Position::AfterRow({L(35), 1, L(3), 2});
  claim.confirmed = true;
  Apply(ClaimObject{"dbo.A", claim, {}, {}, "", {}}, &document_);
  Apply(CloseRound{{"dbo.B"}, L(40)}, &document_);
  EXPECT_EQ(document_.complete_through, L(34));
}

TEST_F(EditsTest, complete_through_never_goes_back) {
  Apply(CloseRound{{"dbo.A", "dbo.B"}, L(30)}, &document_);
  Enter("C", 3, 5);
  Apply(CloseRound{{"dbo.A", "dbo.B", "dbo.C"}, L(25)}, &document_);
  EXPECT_EQ(document_.complete_through, L(30));
  EXPECT_FALSE(At("dbo.C").in_cut) << "it is whole up to 25 only";
  EXPECT_EQ(document_.ResumePosition(At("dbo.C")), P(25));
}

TEST_F(EditsTest, whoever_gives_up_is_not_waited_for) {
  document_.owner.lease_ms = 30'000;
  Apply(GiveUp{}, &document_);
  EXPECT_EQ(document_.owner.lease_ms, 0);
}

}  // namespace
}  // namespace cdc::state

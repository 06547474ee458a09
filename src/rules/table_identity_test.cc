#include "rules/table_identity.h"

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
using testing::P;

TEST(TableIdentity, an_entry_is_found_by_object_id_whatever_the_table_is_called) {
  const auto document = DocumentOf({Entry("A", Instance(10, 1, "A", 5), 4)});
  ASSERT_NE(EntryOf(document, 1), nullptr);
  EXPECT_EQ(EntryOf(document, 1)->QualifiedName(), "dbo.A");
  EXPECT_EQ(EntryOf(document, 2), nullptr);
}

TEST(TableIdentity, a_renamed_table_has_its_new_name_beside_the_entrys) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  EXPECT_EQ(NameToday(entry, {Instance(20, 2, "B", 5), Instance(10, 1, "A", 5)}), "");
  EXPECT_EQ(NameToday(entry, {Instance(20, 2, "A", 5), Instance(10, 1, "A_old", 5)}), "dbo.A_old");
  auto moved = Instance(10, 1, "A", 5);
  moved.schema = "archive";
  EXPECT_EQ(NameToday(entry, {moved}), "archive.A");
}

TEST(TableIdentity, a_name_that_the_server_does_not_tell_is_no_new_name) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  auto hidden = Instance(10, 1, "", 5);
  hidden.schema = "";
  EXPECT_EQ(NameToday(entry, {hidden}), std::nullopt);
  EXPECT_EQ(NameToday(entry, {Instance(20, 2, "A", 5)}), std::nullopt) << "it is not captured";
}

TEST(TableIdentity, another_table_under_the_name_is_a_namesake) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto document = DocumentOf({entry});
  const Instances instances = {Instance(10, 1, "A_old", 5), Instance(20, 2, "A", 9)};
  ASSERT_NE(NamesakeOf(document, entry, instances), nullptr);
  EXPECT_EQ(NamesakeOf(document, entry, instances)->source_object_id, 2);
}

TEST(TableIdentity, another_instance_of_the_same_table_is_no_namesake) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  EXPECT_EQ(
      NamesakeOf(DocumentOf({entry}), entry, {Instance(10, 1, "A", 5), Instance(11, 1, "A", 7)}),
      nullptr);
}

TEST(TableIdentity, a_table_of_the_same_name_in_another_schema_is_no_namesake) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  auto other = Instance(20, 2, "A", 9);
  other.schema = "archive";
  EXPECT_EQ(NamesakeOf(DocumentOf({entry}), entry, {Instance(10, 1, "A", 5), other}), nullptr);
}

TEST(TableIdentity, a_name_in_another_case_is_the_entrys_where_its_own_table_has_it_no_more) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto document = DocumentOf({entry});
  const auto other = Instance(20, 2, "a", 9);
  ASSERT_NE(NamesakeOf(document, entry, {Instance(10, 1, "A_old", 5), other}), nullptr);
  EXPECT_EQ(NamesakeOf(document, entry, {other})->source_object_id, 2) << "the earlier one is gone";
  EXPECT_EQ(NamesakeOf(document, entry, {other, Instance(30, 3, "A", 9)})->source_object_id, 3)
      << "the very name comes first";
}

TEST(TableIdentity, two_tables_side_by_side_whose_names_differ_in_case_are_two) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto document = DocumentOf({entry});
  const auto other = Instance(20, 2, "a", 9);
  EXPECT_EQ(NamesakeOf(document, entry, {Instance(10, 1, "A", 5), other}), nullptr);
  auto hidden = Instance(10, 1, "", 5);
  hidden.schema = "";
  EXPECT_EQ(NamesakeOf(document, entry, {hidden, other}), nullptr)
      << "the server does not say that it is called otherwise";
}

TEST(TableIdentity, a_namesake_gets_no_entry_of_its_own) {
  const auto document = DocumentOf({Entry("A", Instance(10, 1, "A", 5), 4)});
  const auto others =
      WithoutNamesakes(document, {Instance(10, 1, "A_old", 5), Instance(20, 2, "a", 9),
                                  Instance(21, 2, "a", 12), Instance(30, 3, "B", 9)});
  ASSERT_EQ(others.size(), 2);
  EXPECT_EQ(others[0].table, "A_old");
  EXPECT_EQ(others[1].table, "B");
}

TEST(TableIdentity, two_delivered_tables_that_exchange_names_replace_nobody) {
  const auto a = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto b = Entry("B", Instance(20, 2, "B", 5), 4);
  const auto document = DocumentOf({a, b});
  const Instances instances = {Instance(10, 1, "B", 5), Instance(20, 2, "A", 5)};
  EXPECT_EQ(NamesakeOf(document, a, instances), nullptr);
  EXPECT_EQ(NamesakeOf(document, b, instances), nullptr);
  EXPECT_EQ(NameToday(a, instances), "dbo.B");
}

TEST(TableIdentity, a_pattern_fits_entries_by_their_name_and_other_tables_by_their_present_one) {
  const auto document = DocumentOf({Entry("A", Instance(10, 1, "A", 5), 4)});
  const Instances instances = {Instance(10, 1, "A_old", 5), Instance(20, 2, "B", 5)};
  EXPECT_EQ(WhyIdle("dbo.A", document, instances), "");
  EXPECT_EQ(WhyIdle("B", document, instances), "");
  EXPECT_THAT(WhyIdle("dbo.A_old", document, instances),
              AllOf(HasSubstr("dbo.A_old is what dbo.A is called today"), HasSubstr("write that")));
  EXPECT_THAT(WhyIdle("dbo.C", document, instances), HasSubstr("no captured table has such a"));
}

TEST(TableIdentity, a_table_that_is_selected_by_its_present_name_only_is_told_which_name_counts) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto only_new = TableSelection::Make({"dbo.A_old"}, {});
  EXPECT_EQ(WhySelectedInVain(only_new, entry), "") << "it is not called so";
  entry.name_today = "dbo.A_old";
  EXPECT_THAT(WhySelectedInVain(only_new, entry),
              AllOf(HasSubstr("it is called dbo.A_old today"), HasSubstr("select dbo.A in")));
  EXPECT_EQ(WhySelectedInVain(TableSelection::Make({"dbo.Other"}, {}), entry), "");
}

TEST(TableIdentity, a_schema_whose_name_has_a_dot_is_told_from_its_table) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  entry.schema = "x.y";
  entry.name_today = "x.y.A_old";
  EXPECT_NE(WhySelectedInVain(TableSelection::Make({"A_old"}, {}), entry), "");
  EXPECT_EQ(WhySelectedInVain(TableSelection::Make({"y.A_old"}, {}), entry), "");
}

TEST(TableIdentity, an_instance_is_called_as_its_entry_is_and_is_the_same_one_otherwise) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto called = AsCalledIn(entry, Instance(11, 1, "A_old", 7));
  EXPECT_EQ(called.QualifiedName(), "dbo.A");
  EXPECT_EQ(called.name, "i11");
  EXPECT_EQ(called.change_table_object_id, 11);
  EXPECT_EQ(called.start_lsn, testing::L(7));
}

TEST(TableIdentity, what_an_entry_had_of_an_earlier_table_is_remembered_at_its_last_position) {
  auto a = Entry("A", Instance(30, 3, "A", 5), 4);
  a.earlier_tables = {{1, P(8), {}}, {2, P(9), {}}};
  auto b = Entry("B", Instance(40, 4, "B", 5), 4);
  b.earlier_tables = {{1, P(12), {}}};
  const auto document = DocumentOf({a, b});
  ASSERT_NE(DeliveredBefore(document, 1), nullptr);
  EXPECT_EQ(DeliveredBefore(document, 1)->through, P(12));
  EXPECT_EQ(DeliveredBefore(document, 2)->through, P(9));
  EXPECT_EQ(DeliveredBefore(document, 3), nullptr) << "it has the entry still";
}

TEST(TableIdentity, another_table_goes_on_only_if_the_settings_or_an_operator_say_so_of_it) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto namesake = Instance(20, 2, "A", 9);
  Settings settings;
  EXPECT_FALSE(MayFollow(settings, entry, namesake));
  entry.follows = 3;
  EXPECT_FALSE(MayFollow(settings, entry, namesake)) << "said of another one";
  entry.follows = 2;
  EXPECT_TRUE(MayFollow(settings, entry, namesake));
  entry.follows = 0;
  settings.on_replace = OnReplace::kFollow;
  EXPECT_TRUE(MayFollow(settings, entry, namesake));
}

TEST(TableIdentity, a_name_that_went_over_to_another_table_is_not_taken_for_this_ones) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  entry.name_today = "dbo.A_v1";
  EXPECT_EQ(NameKnown(entry, {}), "dbo.A_v1") << "it is not captured any more";
  EXPECT_EQ(NameKnown(entry, {Instance(20, 2, "A_v1", 9)}), "");
  EXPECT_EQ(NameKnown(entry, {Instance(10, 1, "A_v2", 5)}), "dbo.A_v2");
}

TEST(TableIdentity, a_table_that_is_gone_is_told_under_the_name_that_it_has_today) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto document = DocumentOf({entry});
  EXPECT_THAT(WhyGone(entry, document, {}),
              AllOf(HasSubstr("i10 is gone"), HasSubstr("table for dbo.A;")));
  entry.name_today = "dbo.A_old";
  EXPECT_THAT(WhyGone(entry, document, {}), AllOf(HasSubstr("sp_cdc_enable_table for dbo.A_old;"),
                                                  HasSubstr("name dbo.A in [source] exclude")));
}

TEST(TableIdentity, nobody_is_told_to_capture_another_table_for_one_that_is_gone) {
  const auto gone = Entry("A", Instance(10, 1, "A", 5), 4);
  const auto stage = Entry("A_stage", Instance(20, 2, "A_stage", 5), 4);
  const auto why = WhyGone(gone, DocumentOf({gone, stage}), {Instance(20, 2, "A", 5)});
  EXPECT_THAT(why, AllOf(HasSubstr("delivered as dbo.A_stage"), HasSubstr("exclude")));
  EXPECT_THAT(why, ::testing::Not(HasSubstr("enable_table for dbo.A")));
}

}  // namespace
}  // namespace cdc::rules

#include "rules/column_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/output_rules.h"
#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using state::kClear;
using state::kLeftOut;
using state::kMasked;
using state::KnownColumn;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Captured {
  int32_t id;
  std::string name;
};

columns::OutputRule OfTable(std::vector<std::string> only, std::vector<std::string> exclude) {
  columns::OutputRule rule;
  rule.only = std::move(only);
  rule.exclude = std::move(exclude);
  return rule;
}

columns::OutputRule Mask(const std::string& column, const std::string& word) {
  columns::OutputRule rule;
  rule.columns = column;
  rule.words["mask"] = word;
  return rule;
}

// The table dbo.A with these columns, as the settings say.
source::TableDescription Describe(const std::vector<Captured>& captured,
                                  const std::vector<columns::OutputRule>& rules) {
  std::vector<columns::SourceColumn> columns;
  for (const Captured& one : captured) {
    auto& column = columns.emplace_back();
    column.name = one.name;
    column.type_name = "int";
    column.column_id = one.id;
  }
  auto output = columns::OutputOf({rules, nullptr}, "dbo", "A", columns).ValueOrDie();
  source::TableDescription description;
  description.columns = std::move(output.columns);
  description.left_out = std::move(output.left_out);
  return description;
}

const std::vector<Captured> kBefore = {{1, "Id"}, {2, "Mail"}, {3, "Note"}};

// Why the table stops that was delivered with the rules `before`, and is to be read as described;
// "" where it does not.
std::string Why(const std::vector<columns::OutputRule>& before,
                const source::TableDescription& now) {
  return CheckColumns("dbo.A", KnownColumnsOf(Describe(kBefore, before)), now).message();
}

std::string WhyOfFollower(const std::vector<columns::OutputRule>& before,
                          const source::TableDescription& now) {
  return CheckColumnsOfFollower("dbo.A", KnownColumnsOf(Describe(kBefore, before)), now).message();
}

TEST(KnownColumnsTest, where_no_column_is_kept_back_none_is_remembered) {
  EXPECT_THAT(KnownColumnsOf(Describe(kBefore, {})), IsEmpty());
}

TEST(KnownColumnsTest, all_are_remembered_where_one_is_kept_back) {
  EXPECT_THAT(KnownColumnsOf(Describe(kBefore, {Mask("Mail", "null"), OfTable({}, {"Note"})})),
              ElementsAre(KnownColumn{1, "Id", kClear}, KnownColumn{2, "Mail", kMasked},
                          KnownColumn{3, "Note", kLeftOut}));
}

TEST(KnownColumnsTest, one_that_is_not_captured_any_more_stays_as_it_was) {
  const auto before = KnownColumnsOf(Describe(kBefore, {Mask("Mail", "null")}));
  EXPECT_THAT(KnownColumnsOf(Describe({{1, "Id"}, {4, "Street"}}, {}), before),
              ElementsAre(KnownColumn{1, "Id", kClear}, KnownColumn{2, "Mail", kMasked},
                          KnownColumn{3, "Note", kClear}, KnownColumn{4, "Street", kClear}));
}

pq::FooterRecord Newest(const std::vector<Captured>& delivered) {
  pq::FooterRecord record;
  for (const Captured& one : delivered) {
    record.columns.push_back({.name = one.name, .sql_type = "int", .column_id = one.id});
  }
  return record;
}

TEST(KnownColumnsOfObject, what_it_masked_and_what_its_instance_has_beside_it_was_kept_back) {
  auto newest = Newest({{1, "Id"}, {2, "E.Mail"}});
  newest.options = {{"mask", "none"}, {"E.Mail.mask", "hash"}};
  const auto instance = Describe({{1, "Id"}, {2, "Mail2"}, {3, "Note"}}, {OfTable({}, {"Id"})});
  const KnownColumn id{1, "Id", kClear};
  const KnownColumn mail{2, "E.Mail", kMasked};
  EXPECT_THAT(KnownColumnsOf(newest, {}, &instance),
              ElementsAre(id, mail, KnownColumn{3, "Note", kLeftOut}));
  EXPECT_THAT(KnownColumnsOf(newest, {}, nullptr), ElementsAre(id, mail));
  EXPECT_THAT(KnownColumnsOf(newest, {{7, "Old", kLeftOut}}, nullptr),
              ElementsAre(id, mail, KnownColumn{7, "Old", kLeftOut}));
}

TEST(KnownColumnsOfObject, where_nothing_was_kept_back_none_is_remembered) {
  const auto newest = Newest({{1, "Id"}, {2, "Mail"}});
  const auto instance = Describe({{1, "Id"}, {2, "Mail"}}, {});
  EXPECT_THAT(KnownColumnsOf(newest, {}, &instance), IsEmpty());
}

TEST(ColumnGuard, nothing_stops_while_names_and_rules_stay) {
  const std::vector<columns::OutputRule> rules = {Mask("Mail", "null"), OfTable({}, {"Note"})};
  EXPECT_EQ(Why(rules, Describe(kBefore, rules)), "");
  EXPECT_EQ(Why({}, Describe({{1, "Id"}, {2, "Email"}}, {})), "") << "none was ever kept back";
}

TEST(ColumnGuard, a_masked_column_that_is_renamed_stops_its_table) {
  const auto now = Describe({{1, "Id"}, {2, "Email"}}, {Mask("Mail", "null")});
  EXPECT_THAT(Why({Mask("Mail", "null")}, now),
              AllOf(HasSubstr("column Email, which was called Mail then, was masked"),
                    HasSubstr("[table.\"dbo.A\".column.\"Email\"] mask = \"hash\""),
                    HasSubstr("exclude_columns = [\"Email\"]"),
                    HasSubstr("[table.\"dbo.A\".column.\"Email\"] mask = \"none\"")));
}

TEST(ColumnGuard, a_renamed_column_goes_on_where_a_rule_keeps_it_back_under_its_new_name) {
  const std::vector<Captured> renamed = {{1, "Id"}, {2, "Email"}};
  const std::vector<columns::OutputRule> before = {Mask("Mail", "null")};
  EXPECT_EQ(Why(before, Describe(renamed, {Mask("Email", "null")})), "");
  EXPECT_EQ(Why(before, Describe(renamed, {Mask("*", "null")})), "");
  EXPECT_EQ(Why(before, Describe(renamed, {OfTable({}, {"Email"})})), "");
}

TEST(ColumnGuard, a_column_that_a_changed_settings_file_forgets_stops_its_table) {
  EXPECT_THAT(Why({Mask("Mail", "null")}, Describe(kBefore, {})),
              HasSubstr("column Mail was masked"));
  EXPECT_THAT(Why({OfTable({}, {"Mail"})}, Describe(kBefore, {})),
              HasSubstr("column Mail was left out"));
}

TEST(ColumnGuard, only_a_rule_that_names_the_column_lets_it_go) {
  const std::vector<columns::OutputRule> before = {Mask("Mail", "null")};
  EXPECT_EQ(Why(before, Describe(kBefore, {Mask("Mail", "none")})), "");
  columns::OutputRule general;
  general.words["mask"] = "none";
  EXPECT_NE(Why(before, Describe(kBefore, {general})), "") << "it says nothing of this column";
  EXPECT_NE(Why(before, Describe(kBefore, {Mask("Note", "none")})), "");
}

TEST(ColumnGuard, a_left_out_column_goes_on_where_columns_names_it) {
  const std::vector<columns::OutputRule> before = {OfTable({}, {"Mail"})};
  EXPECT_EQ(Why(before, Describe(kBefore, {OfTable({"Id", "Mail"}, {})})), "");
  EXPECT_EQ(Why(before, Describe(kBefore, {Mask("Mail", "none")})), "");
}

TEST(ColumnGuard, a_masked_column_is_not_let_go_by_a_list_that_names_it) {
  EXPECT_NE(Why({Mask("Mail", "null")}, Describe(kBefore, {OfTable({"Id", "Mail"}, {})})), "");
}

TEST(ColumnGuard, names_that_go_round_show_nothing) {
  // Mail became Note, and Note became Mail: the rule masks the wrong one now.
  EXPECT_THAT(Why({Mask("Mail", "null")},
                  Describe({{1, "Id"}, {2, "Note"}, {3, "Mail"}}, {Mask("Mail", "null")})),
              HasSubstr("column Note, which was called Mail then, was masked"));
}

TEST(ColumnGuard, a_column_that_a_list_loses_by_its_new_name_stops_its_table) {
  const std::vector<columns::OutputRule> list = {OfTable({"Id", "Note"}, {})};
  const std::vector<Captured> renamed = {{1, "Id"}, {2, "Mail"}, {3, "Remark"}};
  EXPECT_THAT(Why(list, Describe(renamed, list)),
              AllOf(HasSubstr("column Remark was delivered as Note"),
                    HasSubstr("add \"Remark\" to columns of [table.\"dbo.A\"]")));
  EXPECT_EQ(Why(list, Describe(renamed, {OfTable({"Id", "Remark"}, {})})), "");
  EXPECT_EQ(Why(list, Describe(renamed, {OfTable({"Id", "Note"}, {"Remark"})})), "");
}

TEST(ColumnGuard, a_column_that_the_settings_leave_out_under_its_old_name_is_meant) {
  EXPECT_EQ(Why({Mask("Mail", "null")},
                Describe(kBefore, {Mask("Mail", "null"), OfTable({"Id", "Mail"}, {})})),
            "");
}

TEST(ColumnGuard, a_new_column_is_delivered_as_the_settings_say) {
  EXPECT_EQ(Why({Mask("Mail", "null")},
                Describe({{1, "Id"}, {2, "Mail"}, {4, "Street"}}, {Mask("Mail", "null")})),
            "");
}

TEST(ColumnGuardOfFollower, a_column_of_the_same_name_is_kept_back_whatever_its_id) {
  const std::vector<columns::OutputRule> mask = {Mask("Mail", "null")};
  EXPECT_EQ(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Mail"}}, mask)), "");
  EXPECT_THAT(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Mail"}}, {})),
              HasSubstr("column Mail was masked"));
  EXPECT_EQ(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Mail"}}, {Mask("Mail", "none")})), "");
}

TEST(ColumnGuardOfFollower, an_id_that_was_a_masked_columns_says_nothing_of_another_tables) {
  const std::vector<columns::OutputRule> mask = {Mask("Mail", "null")};
  EXPECT_EQ(WhyOfFollower(mask, Describe({{2, "Id"}, {1, "Mail"}}, mask)), "");
}

TEST(ColumnGuardOfFollower, where_the_name_is_not_there_any_more_each_new_one_may_be_it) {
  const std::vector<columns::OutputRule> mask = {Mask("Mail", "null")};
  EXPECT_THAT(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Email"}}, mask)),
              HasSubstr("column Email, which was called Mail then, was masked"));
  EXPECT_EQ(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Email"}}, {Mask("Email", "null")})), "");
  EXPECT_EQ(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Email"}}, {Mask("Email", "none")})), "");
  EXPECT_EQ(WhyOfFollower(mask, Describe({{7, "Id"}, {8, "Note"}}, mask)), "")
      << "the earlier table had both, and showed them";
}

TEST(ColumnGuardOfFollower, a_column_that_was_left_out_is_guarded_likewise) {
  const std::vector<columns::OutputRule> exclude = {OfTable({}, {"Mail"})};
  EXPECT_EQ(WhyOfFollower(exclude, Describe({{7, "Id"}, {8, "Mail"}, {9, "Email"}}, exclude)), "");
  EXPECT_THAT(WhyOfFollower(exclude, Describe({{7, "Id"}, {8, "Email"}}, exclude)),
              HasSubstr("column Email, which was called Mail then, was left out"));
}

}  // namespace
}  // namespace cdc::rules

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
  rule.origin = "a.toml line 1";
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
  state::Table entry;
  entry.schema = "dbo";
  entry.name = "A";
  entry.columns = KnownColumnsOf(Describe(kBefore, before));
  return CheckColumnsOfFollower(entry, now).message();
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

TEST(KnownColumnsTest, all_are_remembered_where_a_list_says_which_are_delivered) {
  EXPECT_THAT(KnownColumnsOf(Describe({{1, "Id"}, {2, "Mail"}}, {OfTable({"Id", "M*"}, {})})),
              ElementsAre(KnownColumn{1, "Id", kClear}, KnownColumn{2, "Mail", kClear}));
}

TEST(KnownColumnsTest, what_was_remembered_once_is_remembered_when_all_are_shown) {
  const auto before = KnownColumnsOf(Describe({{2, "Mail"}}, {Mask("Mail", "null")}));
  EXPECT_THAT(KnownColumnsOf(Describe({{2, "Mail"}}, {}), before),
              ElementsAre(KnownColumn{2, "Mail", kClear}));
}

TEST(KnownColumnsTest, a_column_keeps_the_names_that_it_had) {
  const std::vector<columns::OutputRule> mask = {Mask("*", "null")};
  KnownColumns known;
  for (const char* name : {"Mail", "Email", "EMAIL", "Contact", "Mail"}) {
    known = KnownColumnsOf(Describe({{2, name}}, mask), known);
  }
  EXPECT_THAT(known, ElementsAre(KnownColumn{2, "Mail", kMasked, {"EMAIL", "Contact"}}));
  for (int i = 0; i < 20; ++i) {
    known = KnownColumnsOf(Describe({{2, "n" + std::to_string(i)}}, mask), known);
  }
  ASSERT_EQ(known.front().earlier_names.size(), 16);
  EXPECT_EQ(known.front().earlier_names.back(), "n18") << "the newest ones";
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
                    HasSubstr("add \"Remark\" to columns of [table.\"*\"] (a.toml line 1)")))
      << "the list that counts, not a further one that would take its place";
  EXPECT_EQ(Why(list, Describe(renamed, {OfTable({"Id", "Remark"}, {})})), "");
  EXPECT_EQ(Why(list, Describe(renamed, {OfTable({"Id", "Note"}, {"Remark"})})), "");
}

TEST(ColumnGuard, a_listed_column_that_a_pattern_leaves_out_by_its_new_name_is_told_so) {
  const std::vector<columns::OutputRule> rules = {OfTable({"Id", "Note"}, {"R*"})};
  EXPECT_THAT(Why(rules, Describe({{1, "Id"}, {3, "Remark"}}, rules)),
              HasSubstr("a pattern of exclude_columns leaves it out"));
}

TEST(ColumnGuard, a_list_of_all_columns_that_loses_one_by_its_new_name_stops_its_table) {
  const std::vector<columns::OutputRule> list = {OfTable({"Id", "Mail", "Note"}, {})};
  EXPECT_THAT(Why(list, Describe({{1, "Id"}, {2, "Mail"}, {3, "Remark"}}, list)),
              HasSubstr("column Remark was delivered as Note"));
  const std::vector<columns::OutputRule> patterns = {OfTable({"Id", "Ma*", "No*"}, {})};
  EXPECT_THAT(Why(patterns, Describe({{1, "Id"}, {2, "Mail"}, {3, "Remark"}}, patterns)),
              HasSubstr("column Remark was delivered as Note"));
}

TEST(ColumnGuard, a_name_in_another_case_is_the_same_name) {
  const std::vector<columns::OutputRule> list = {OfTable({"Id", "Note"}, {})};
  EXPECT_EQ(Why(list, Describe({{1, "ID"}, {2, "Mail"}, {3, "NOTE"}}, list)), "");
  EXPECT_THAT(Why(list, Describe({{1, "Id"}, {2, "NOTE"}}, list)),
              HasSubstr("column NOTE, which was called Mail then, was left out"))
      << "the list means the column that had the name";
  EXPECT_EQ(Why(list, Describe({{1, "Id"}, {2, "NOTE"}}, {Mask("NOTE", "none")})), "");
}

// All is masked but Id and Note, each by name.
const std::vector<columns::OutputRule> kAllButNote = {Mask("*", "null"), Mask("Id", "none"),
                                                      Mask("Note", "none")};

TEST(ColumnGuard, what_unmasks_a_name_says_nothing_of_a_column_that_gets_it_later) {
  const std::vector<Captured> went_round = {{1, "Id"}, {2, "note"}, {3, "Remark"}};
  EXPECT_THAT(Why(kAllButNote, Describe(went_round, kAllButNote)),
              AllOf(HasSubstr("column note, which was called Mail then, was masked, and what the "
                              "settings say of that name was said of another one"),
                    HasSubstr("name Remark, which was called note before, too: in columns or "
                              "exclude_columns, or [table.\"dbo.A\".column.\"Remark\"] mask = "
                              "\"none\"")));
}

TEST(ColumnGuard, a_column_that_got_anothers_name_is_shown_once_that_one_is_named_as_well) {
  const std::vector<Captured> went_round = {{1, "Id"}, {2, "Note"}, {3, "Remark"}};
  const auto with = [&](const columns::OutputRule& rule) {
    auto rules = kAllButNote;
    rules.push_back(rule);
    return Why(kAllButNote, Describe(went_round, rules));
  };
  EXPECT_EQ(with(Mask("Remark", "none")), "");
  EXPECT_EQ(with(OfTable({}, {"Remark"})), "");
  EXPECT_EQ(with(OfTable({"Id", "Note", "Remark"}, {})), "");
  EXPECT_NE(with(Mask("R*", "none")), "") << "a pattern names nothing";
}

TEST(ColumnGuard,
     a_column_that_got_the_name_of_one_that_is_gone_is_shown_when_the_settings_say_so) {
  EXPECT_EQ(Why(kAllButNote, Describe({{1, "Id"}, {2, "Note"}}, kAllButNote)), "");
}

TEST(ColumnGuard, a_name_that_was_anothers_long_ago_is_still_that_ones) {
  const std::vector<columns::OutputRule> list = {OfTable({"Id", "Note", "Remark"}, {})};
  auto known = KnownColumnsOf(Describe(kBefore, list));
  known = KnownColumnsOf(Describe({{1, "Id"}, {2, "Mail"}, {3, "Remark"}}, list), known);
  EXPECT_THAT(CheckColumns("dbo.A", known, Describe({{1, "Id"}, {2, "Note"}, {3, "Remark"}}, list))
                  .message(),
              HasSubstr("column Note, which was called Mail then, was left out"));
}

TEST(ColumnGuard, a_column_that_is_dropped_and_made_anew_is_kept_back_by_its_name) {
  const std::vector<columns::OutputRule> mask = {Mask("Mail", "null")};
  const std::vector<Captured> anew = {{1, "Id"}, {3, "Note"}, {4, "mail"}};
  EXPECT_EQ(Why(mask, Describe(anew, mask)), "");
  EXPECT_THAT(Why(mask, Describe(anew, {})), HasSubstr("column mail, which was called Mail"));
  EXPECT_EQ(Why(mask, Describe(anew, {Mask("Mail", "none")})), "");
}

TEST(ColumnGuard, a_new_column_with_the_name_that_a_dropped_one_had_once_is_kept_back) {
  const std::vector<columns::OutputRule> masks = {Mask("*Mail", "null")};
  auto known = KnownColumnsOf(Describe(kBefore, masks));
  known = KnownColumnsOf(Describe({{1, "Id"}, {2, "EMail"}}, masks), known);
  EXPECT_NE(CheckColumns("dbo.A", known, Describe({{1, "Id"}, {4, "Mail"}}, {})).message(), "");
  EXPECT_NE(CheckColumns("dbo.A", known, Describe({{1, "Id"}, {4, "EMail"}}, {})).message(), "");
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

// What goes on in an entry that has had two tables: the first one as kBefore with the rules, the
// second one as described.
std::string WhyOfSecondFollower(const std::vector<columns::OutputRule>& before,
                                const source::TableDescription& second,
                                const source::TableDescription& now) {
  state::Table entry;
  entry.schema = "dbo";
  entry.name = "A";
  entry.columns = KnownColumnsOf(Describe(kBefore, before));
  const auto columns = KnownColumnsOfFollower(entry, second, {});
  entry.earlier_tables.push_back({1, {}, entry.columns});
  entry.columns = columns;
  return CheckColumnsOfFollower(entry, now).message();
}

TEST(ColumnGuardOfFollower, what_any_earlier_table_of_the_entry_kept_back_is_kept_back) {
  const std::vector<columns::OutputRule> mask = {Mask("Mail", "null")};
  const auto without = Describe({{1, "Id"}, {2, "Note"}}, mask);
  const std::vector<Captured> again = {{1, "Id"}, {2, "Note"}, {3, "MAIL"}};
  EXPECT_THAT(WhyOfSecondFollower(mask, without, Describe(again, {})),
              HasSubstr("column MAIL, which was called Mail then, was masked"));
  EXPECT_EQ(WhyOfSecondFollower(mask, without, Describe(again, mask)), "");
  EXPECT_EQ(WhyOfSecondFollower(mask, without, Describe({{1, "Id"}, {2, "Note"}}, {})), "");
}

TEST(ColumnGuardOfFollower, what_a_later_table_of_the_entry_showed_is_decided) {
  const auto shown = Describe({{1, "Id"}, {2, "Mail"}}, {Mask("Mail", "none")});
  EXPECT_EQ(
      WhyOfSecondFollower({Mask("Mail", "null")}, shown, Describe({{1, "Id"}, {2, "Mail"}}, {})),
      "");
}

TEST(ColumnGuardOfFollower, a_new_column_is_asked_of_all_that_were_kept_back_and_are_gone) {
  const std::vector<columns::OutputRule> before = {Mask("Mail", "null"), OfTable({}, {"Note"})};
  EXPECT_THAT(WhyOfFollower(before, Describe({{7, "Id"}, {8, "X"}}, {OfTable({"Id", "X"}, {})})),
              HasSubstr("column X, which was called Mail then, was masked"))
      << "the list would do for what was left out";
}

}  // namespace
}  // namespace cdc::rules

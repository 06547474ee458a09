#include "columns/output_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cdc::columns {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

SourceColumn Column(std::string name, std::string type, int32_t length = 0) {
  SourceColumn column;
  column.name = std::move(name);
  column.type_name = std::move(type);
  column.max_length_bytes = length;
  return column;
}

// What the settings say of a table of these columns: "" or why it is refused.
std::string Refusal(std::vector<SourceColumn> columns,
                    const std::map<std::string, std::string>& words = {}) {
  OutputRules rules;
  rules.rules.emplace_back().words = words;
  return OutputOf(rules, "dbo", "T", std::move(columns)).status().message();
}

TEST(OutputRulesTest,
     a_table_of_which_nothing_is_left_is_told_by_which_rules_and_what_its_columns_are) {
  OutputRules rules;
  rules.rules.resize(3);
  rules.rules[0].only = {"id", "name"};
  rules.rules[0].origin = "a.toml line 2";
  rules.rules[1].words = {{"time", "time"}};
  rules.rules[2].exclude = {"i*"};
  rules.rules[2].origin = "a.toml line 6";
  const auto said = [&](std::vector<SourceColumn> columns) {
    return OutputOf(rules, "dbo", "T", std::move(columns)).status().message();
  };
  EXPECT_EQ(
      said({Column("id", "int"), Column("nam", "int")}),
      "columns and exclude_columns leave no column of dbo.T (a.toml line 2, a.toml line 6); "
      "its captured columns are id, nam; for none of it: [source] exclude = [\"dbo.T\"]; then "
      "start again");
  EXPECT_THAT(said(std::vector<SourceColumn>(21, Column("id", "int"))), HasSubstr("id, id, …; "));
}

TEST(OutputRulesTest, names_that_differ_by_case_are_different) {
  EXPECT_EQ(Refusal({Column("a", "int"), Column("A", "int")}), "");
}

TEST(OutputRulesTest, a_column_with_the_name_of_a_second_field_is_told_what_helps) {
  const auto seen = [] { return Column("seen", "datetimeoffset"); };
  const auto other = [] { return Column("seen__offset", "int"); };
  for (const auto& refusal : {Refusal({seen(), other()}), Refusal({other(), seen()})}) {
    EXPECT_THAT(refusal, AllOf(HasSubstr("the offset of column seen and column seen__offset would "
                                         "both be called seen__offset"),
                               HasSubstr("set datetimeoffset = \"utc\" or \"string\" for it"),
                               HasSubstr("exclude_columns")));
  }
  EXPECT_EQ(Refusal({seen(), other()}, {{"datetimeoffset", "utc"}}), "");
  EXPECT_EQ(Refusal({seen(), other()}, {{"mask", "none"}, {"datetimeoffset", "string"}}), "");

  const std::vector<SourceColumn> variant = {Column("v", "sql_variant", 8016),
                                             Column("v__type", "int")};
  EXPECT_THAT(Refusal(variant), HasSubstr("the type of column v and column v__type"));

  const std::vector<SourceColumn> place = {Column("p", "geometry", -1), Column("p__srid", "int")};
  EXPECT_EQ(Refusal(place), "");
  EXPECT_THAT(Refusal(place, {{"spatial", "wkb"}}),
              AllOf(HasSubstr("the SRID of column p"), HasSubstr("set spatial = \"binary\"")));
}

TEST(OutputRulesTest, a_column_with_the_name_of_one_of_cdcs_own_needs_another_prefix) {
  const std::vector<SourceColumn> columns = {Column("id", "int"), Column("_operation", "int")};
  EXPECT_EQ(Refusal(columns), "");
  EXPECT_THAT(
      Refusal(columns, {{"meta_prefix", "_"}}),
      AllOf(HasSubstr("column _operation and one of CDC's own columns would both be called "
                      "_operation"),
            HasSubstr("set another meta_prefix"), HasSubstr("exclude_columns; then start again")));
  EXPECT_EQ(Refusal(columns, {{"meta_prefix", "cdc_"}}), "");
}

TEST(OutputRulesTest, a_column_that_is_left_out_is_in_nobodys_way) {
  OutputRules rules;
  rules.rules.emplace_back().exclude = {"seen__offset"};
  EXPECT_TRUE(
      OutputOf(rules, "dbo", "T", {Column("seen", "datetimeoffset"), Column("seen__offset", "int")})
          .ok());
}

}  // namespace
}  // namespace cdc::columns

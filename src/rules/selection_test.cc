#include "rules/selection.h"

#include <gtest/gtest.h>

namespace cdc::rules {
namespace {

bool Selects(std::vector<std::string> include, std::vector<std::string> exclude,
             std::string_view schema, std::string_view table) {
  return TableSelection::Make(std::move(include), std::move(exclude)).Selects(schema, table);
}

TEST(TableSelection, without_patterns_takes_every_table) {
  EXPECT_TRUE(Selects({}, {}, "Person", "Address"));
}

TEST(TableSelection, matches_schema_and_table) {
  EXPECT_TRUE(Selects({"Person.*"}, {}, "Person", "Address"));
  EXPECT_FALSE(Selects({"Person.*"}, {}, "Sales", "Person"));
  EXPECT_TRUE(Selects({"Sales.SalesOrder*"}, {}, "Sales", "SalesOrderHeader"));
  EXPECT_FALSE(Selects({"Sales.SalesOrder*"}, {}, "Sales", "Customer"));
  EXPECT_FALSE(Selects({"Sales.SalesOrder"}, {}, "Sales", "SalesOrderHeader"));
}

TEST(TableSelection, matches_a_pattern_without_a_dot_in_any_schema) {
  EXPECT_TRUE(Selects({"Orders"}, {}, "dbo", "Orders"));
  EXPECT_TRUE(Selects({"Orders"}, {}, "eu", "Orders"));
  EXPECT_FALSE(Selects({"dbo"}, {}, "dbo", "Orders"));
  EXPECT_TRUE(Selects({"Or*s"}, {}, "dbo", "Orders"));
}

TEST(TableSelection, lets_exclude_win) {
  EXPECT_FALSE(Selects({"Person.*"}, {"*Audit"}, "Person", "AddressAudit"));
  EXPECT_FALSE(Selects({}, {"Person.Address"}, "Person", "Address"));
  EXPECT_TRUE(Selects({}, {"Person.Address"}, "Person", "Addresses"));
}

TEST(TableSelection, does_not_mind_the_case_of_ascii_letters) {
  EXPECT_TRUE(Selects({"PERSON.addr*"}, {}, "person", "Address"));
  EXPECT_FALSE(Selects({"Ärzte"}, {}, "dbo", "ärzte"));
}

TEST(TableSelection, takes_a_question_mark_for_one_character) {
  EXPECT_TRUE(Selects({"Log_202?"}, {}, "dbo", "Log_2025"));
  EXPECT_FALSE(Selects({"Log_202?"}, {}, "dbo", "Log_202"));
  EXPECT_TRUE(Selects({"?rzte"}, {}, "dbo", "Ärzte"));
  EXPECT_FALSE(Selects({"??rzte"}, {}, "dbo", "Ärzte"));
}

TEST(TableSelection, finds_a_match_that_a_star_must_go_back_for) {
  EXPECT_TRUE(Selects({"*ab*abc"}, {}, "dbo", "xababababc"));
  EXPECT_FALSE(Selects({"*ab*abc"}, {}, "dbo", "xabababab"));
  EXPECT_TRUE(Selects({"*"}, {}, "dbo", ""));
}

TEST(TableSelection, lets_a_star_cross_a_dot_in_a_tables_name) {
  EXPECT_TRUE(Selects({"dbo.*"}, {}, "dbo", "Orders.Old"));
  EXPECT_TRUE(Selects({"Ord*"}, {}, "dbo", "Orders.Old"));
}

}  // namespace
}  // namespace cdc::rules

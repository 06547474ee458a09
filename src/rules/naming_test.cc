#include "rules/naming.h"

#include <gtest/gtest.h>

namespace cdc::rules {
namespace {

const UtcTime kNow{std::chrono::sys_days(std::chrono::year(2025) / 1 / 9) + std::chrono::hours(14) +
                   std::chrono::minutes(30) + std::chrono::seconds(15) +
                   std::chrono::milliseconds(700)};

TableNames Names(const std::string& path = "{database}/{table}/cdc",
                 const std::string& table = "Person") {
  return *TableNames::Make(path, "AdventureWorks", "Person", table);
}

TEST(TableNames, are_what_the_original_script_wrote) {
  EXPECT_EQ(Names().Next(kNow, ""), "AdventureWorks/Person/cdc/Person_cdc_20250109_143015.parquet");
  EXPECT_EQ(Names().folder(), "AdventureWorks/Person/cdc/");
}

TEST(TableNames, get_a_suffix_when_the_clock_is_not_later_than_the_last_name) {
  const TableNames names = Names();
  std::string last = names.Next(kNow, "");
  for (int i = 0; i < 12'000; ++i) {
    const std::string next = names.Next(kNow - std::chrono::hours(1), last);
    ASSERT_GT(next, last);
    last = next;
  }
  EXPECT_EQ(last, "AdventureWorks/Person/cdc/Person_cdc_20250109_143016_2000.parquet");
}

TEST(TableNames, put_the_date_of_the_name_into_the_folder) {
  const TableNames names = Names("{database}/{schema}.{table}/{date}");
  EXPECT_EQ(names.Next(kNow, ""),
            "AdventureWorks/Person.Person/2025-01-09/Person_cdc_20250109_143015.parquet");
  EXPECT_EQ(names.folder(), "AdventureWorks/Person.Person/");
}

TEST(TableNames, never_take_a_table_for_a_placeholder) {
  EXPECT_EQ(Names("{database}/{table}", "{date}").folder(), "AdventureWorks/{date}/");
}

TEST(TableNames, encode_what_would_break_a_path) {
  EXPECT_EQ(Names("{table}", "_a/b]ü").Next(kNow, ""),
            "%5Fa%2Fb]ü/%5Fa%2Fb]ü_cdc_20250109_143015.parquet");
}

TEST(TableNames, recognise_their_own_only) {
  const TableNames names = Names();
  EXPECT_TRUE(names.StampOf("x/Person_cdc_20250109_143015.parquet"));
  EXPECT_EQ(names.StampOf("x/Person_cdc_20250109_143015_0012.parquet")->suffix, 12);
  for (const char* other :
       {"x/Persons_cdc_20250109_143015.parquet", "x/Person_cdc_20251309_143015.parquet",
        "x/Person_cdc_20250109_143015_0000.parquet", "x/Person_cdc_20250109_143015.parquet.tmp",
        "x/a.parquet"}) {
    EXPECT_FALSE(names.StampOf(other)) << other;
  }
}

TEST(TableNames, refuse_an_unknown_placeholder) {
  EXPECT_FALSE(TableNames::Make("{db}/{table}", "d", "s", "t").ok());
}

}  // namespace
}  // namespace cdc::rules

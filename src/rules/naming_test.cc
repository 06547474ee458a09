#include "rules/naming.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc::rules {
namespace {

using ::testing::HasSubstr;

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

TEST(TableNames, go_on_in_a_further_folder_of_their_table_in_order) {
  for (const char* path : {"{database}/{table}/cdc", "{database}/{table}/cdc/{date}"}) {
    const TableNames first = Names(path);
    const TableNames second = first.InFolder(2);
    EXPECT_EQ(second.folder(), "AdventureWorks/Person/cdc_2/");
    EXPECT_EQ(second.InFolder(1).folder(), first.folder());
    EXPECT_EQ(second.InFolder(11).folder(), "AdventureWorks/Person/cdc_11/");
    const std::string last = first.Next(kNow, "");
    const std::string next = second.Next(kNow, last);
    EXPECT_TRUE(next.starts_with(second.folder())) << next;
    EXPECT_TRUE(next.ends_with("_20250109_143015_0001.parquet")) << next;
    for (const int number : {1, 2, 11}) {
      EXPECT_EQ(second.FolderNumber(first.InFolder(number).folder()), number);
    }
    for (const char* other : {"AdventureWorks/Person/cdc_1/", "AdventureWorks/Person/cdc_02/",
                              "AdventureWorks/Person/cdc_2", "AdventureWorks/Person/cdc_2/x/",
                              "AdventureWorks/Person/cdc_old/", "AdventureWorks/Persons/cdc/"}) {
      EXPECT_EQ(first.FolderNumber(other), 0) << other;
    }
  }
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

// "ü" and "漢" are two and three bytes, "%" is three when it is encoded.
TEST(TableNames, are_measured_in_bytes_by_the_longest_name_before_the_first_is_needed) {
  const std::string name(207, 'x');  // + "_cdc_20250109_143015_0001.parquet", 33 bytes
  const TableNames names = Names("{database}/{table}/cdc", name);
  const int64_t key = std::ssize(names.Next(kNow, "")) + 5;  // "_0001"
  EXPECT_TRUE(names.CheckFits({key, 240}, "file:///lake").ok());
  const arrow::Status name_too_long = names.CheckFits({key, 239}, "file:///lake");
  EXPECT_THAT(name_too_long.message(), HasSubstr("would have 240 bytes"));
  EXPECT_THAT(name_too_long.message(), HasSubstr("file:///lake keeps names of at most 239"));
  EXPECT_THAT(name_too_long.message(), HasSubstr("[source] exclude"));
  const arrow::Status key_too_long = names.CheckFits({key - 1, 240}, "s3://lake/raw");
  EXPECT_THAT(key_too_long.message(), HasSubstr("shorter [target] path"));
  EXPECT_THAT(key_too_long.message(), HasSubstr(std::to_string(key) + " bytes"));

  std::string wide;
  for (int i = 0; i < 128; ++i) wide += "漢";
  EXPECT_FALSE(Names("{table}", wide).CheckFits({1'024, 255}, "u").ok());
  EXPECT_TRUE(Names("{table}", wide).CheckFits({1'024, 1'024}, "u").ok());
  EXPECT_FALSE(Names("{table}/{table}/{date}", wide).CheckFits({1'024, 1'024}, "u").ok());
  std::string encoded(80, '%');
  EXPECT_FALSE(Names("{table}", encoded).CheckFits({1'024, 255}, "u").ok());
  // A folder alone may be too long, though the table's own name is short.
  const arrow::Status folder =
      Names(std::string(256, 'f') + "/{table}", "t").CheckFits({1'024, 255}, "u");
  EXPECT_THAT(folder.message(), HasSubstr("[target] path"));
}

TEST(TableNames, refuse_an_unknown_placeholder) {
  EXPECT_FALSE(TableNames::Make("{db}/{table}", "d", "s", "t").ok());
}

}  // namespace
}  // namespace cdc::rules

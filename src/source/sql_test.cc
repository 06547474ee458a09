#include "source/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "columns/type_table.h"
#include "columns/value_length.h"

namespace cdc::source::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TableDescription Table() {
  TableDescription table;
  table.instance.change_table = "dbo_o]dd_CT";
  columns::SourceColumn column;
  column.name = "a]b";
  table.columns = {column};
  return table;
}

TEST(Sql, names_are_bracketed_whatever_is_in_them) {
  EXPECT_EQ(Bracket("a]b"), "[a]]b]");
  const std::string text = ReadWindow(Table(), {});
  EXPECT_THAT(text, HasSubstr("cdc.[dbo_o]]dd_CT]"));
  EXPECT_THAT(text, HasSubstr("ct.[a]]b]"));
}

TEST(Sql, rows_come_in_the_order_of_the_clustered_index) {
  EXPECT_THAT(
      ReadWindow(Table(), {}),
      HasSubstr(
          "ORDER BY ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"));
  TableDescription old = Table();
  old.has_command_id = false;
  EXPECT_THAT(ReadWindow(old, {}),
              HasSubstr("ORDER BY ct.[__$start_lsn], ct.[__$seqval], ct.[__$operation]"));
  EXPECT_THAT(ReadWindow(old, {}), Not(HasSubstr("ct.[__$command_id]")));
}

TEST(Sql, change_tables_are_read_without_hints_and_the_horizon_alone_skips_locked_rows) {
  EXPECT_THAT(ReadWindow(Table(), {}), Not(HasSubstr("WITH (")));
  EXPECT_THAT(ReadInside(Table(), {}, true), Not(HasSubstr("WITH (")));
  EXPECT_THAT(std::string(kPoll), HasSubstr("READPAST"));
  EXPECT_THAT(std::string(kPoll), Not(HasSubstr("NOLOCK")));
  EXPECT_THAT(std::string(kDescribe), Not(HasSubstr("WITH (")));
}

TEST(Sql, a_time_zone_name_cannot_leave_its_quotes) {
  CommitTime zone;
  zone.mode = CommitTime::Mode::kNamedZone;
  zone.zone = "W. Europe' + x";
  EXPECT_THAT(ReadWindow(Table(), zone), HasSubstr("N'W. Europe'' + x'"));
}

TEST(Sql, a_start_by_time_allows_for_the_hour_that_comes_twice) {
  CommitTime zone;
  zone.mode = CommitTime::Mode::kNamedZone;
  zone.zone = "Lord Howe Standard Time";
  for (const char* step : {"DATEADD(minute, 60, t.utc)", "DATEADD(minute, 30, t.utc)"}) {
    EXPECT_THAT(LastCommitBefore(zone), HasSubstr(step));
  }
  EXPECT_THAT(LastCommitBefore(zone), HasSubstr("AT TIME ZONE N'Lord Howe Standard Time'"));
  const std::string by_offset = LastCommitBefore({});
  EXPECT_THAT(by_offset, HasSubstr("DATEADD(minute, 60, t.utc) >= s.utc"));
  EXPECT_EQ(std::ranges::count(by_offset, '?'), 2);
}

TEST(Sql, nothing_that_servers_before_2016_lack_is_asked_of_them) {
  const CommitTime old;  // no zone is known
  for (const std::string& text :
       {std::string(kIdentify), std::string(kPoll), LastCommitBefore(old), MappingEnds(old).text,
        FirstCommitAfter(old).text, CaptureJobActivity(old).text, LastLogScan(old).text,
        LastCaptureError(old).text, ReadWindow(Table(), old), std::string(kCommitsBelow)}) {
    EXPECT_THAT(text, Not(HasSubstr("AT TIME ZONE")));
    EXPECT_THAT(text, Not(HasSubstr("ProductMajorVersion")));
  }
}

TEST(Sql, probes_of_many_tables_are_one_statement_with_two_parameters_each) {
  const std::string text = Probe({"a_CT", "b_CT"});
  EXPECT_EQ(std::count(text.begin(), text.end(), '?'), 4);
  EXPECT_THAT(text, HasSubstr("UNION ALL"));
}

TEST(Sql, types_that_drivers_print_each_in_their_own_way_are_told_by_the_server) {
  TableDescription table = Table();
  const auto select = [&](const char* type) {
    table.columns[0].type_name = type;
    return ReadWindow(table, {});
  };
  for (const char* type : {"json", "vector", "text"}) {
    EXPECT_THAT(select(type), HasSubstr("CONVERT(nvarchar(max), ct.[a]]b]) AS [a]]b] FROM"));
  }
  const std::string variant = select("sql_variant");
  EXPECT_THAT(variant, HasSubstr("SQL_VARIANT_PROPERTY(ct.[a]]b], 'BaseType')"));
  EXPECT_THAT(variant, HasSubstr("WHEN N'real' THEN CONVERT(nvarchar(max), CONVERT(binary(8), "
                                 "CONVERT(float, ct.[a]]b])), 1)"));
  EXPECT_THAT(variant, HasSubstr("ELSE CONVERT(nvarchar(max), ct.[a]]b]) END AS [a]]b] FROM"));
  EXPECT_THAT(select("xml"), HasSubstr(", ct.[a]]b] FROM"));
}

TEST(Sql, text_of_a_code_page_is_decoded_by_the_server_whole) {
  TableDescription table = Table();
  const auto select = [&](const char* type, int bytes) {
    table.columns[0].type_name = type;
    table.columns[0].max_length_bytes = bytes;
    return ReadWindow(table, {});
  };
  EXPECT_THAT(select("char", 5), HasSubstr("CONVERT(nvarchar(5), ct.[a]]b]) AS [a]]b] FROM"));
  EXPECT_THAT(select("varchar", 4000), HasSubstr("CONVERT(nvarchar(4000), ct.[a]]b])"));
  EXPECT_THAT(select("varchar", 4001), HasSubstr("CONVERT(nvarchar(max), ct.[a]]b])"));
  EXPECT_THAT(select("varchar", -1), HasSubstr("CONVERT(nvarchar(max), ct.[a]]b])"));
}

// Else a value that the server cut would fit its slot and pass for a whole one.
TEST(Sql, the_server_cuts_no_value_shorter_than_the_largest_slot) {
  constexpr int64_t kTerminator = 2;
  for (const int64_t max : {int64_t{1}, int64_t{16} << 20, int64_t{512} << 20}) {
    for (const columns::SqlType& type : columns::SqlTypes()) {
      for (const char* collation : {"", "Japanese_CI_AS", "Latin1_General_100_CI_AS_SC_UTF8"}) {
        columns::SourceColumn column;
        column.type_name = type.name;
        column.collation = collation;
        EXPECT_LT(columns::ValueLength(column).BoundMax(max) + kTerminator, TextSizeBytes(max))
            << type.name;
      }
    }
    EXPECT_LE(TextSizeBytes(max), INT32_MAX);
  }
  EXPECT_THAT(SessionSettings(5000, 16 << 20), HasSubstr("SET TEXTSIZE 34603008; "));
}

}  // namespace
}  // namespace cdc::source::sql

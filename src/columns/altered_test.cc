#include "columns/altered.h"

#include <gtest/gtest.h>

namespace cdc::columns {
namespace {

SourceColumn Of(const std::string& type, int32_t scale = 0) {
  SourceColumn column;
  column.name = "c";
  column.type_name = type;
  column.scale = scale;
  return column;
}

TEST(Altered, a_7th_digit_is_kept_by_the_option_of_its_type) {
  const std::string lost = "the 7th fractional digit";
  EXPECT_EQ(AlterationOf(Of("datetime2", 7)),
            (Alteration{lost, "datetime2 = \"nanos\" or \"string\""}));
  EXPECT_EQ(AlterationOf(Of("datetimeoffset", 7)),
            (Alteration{lost, "datetimeoffset = \"string\""}));
  EXPECT_EQ(AlterationOf(Of("time", 7)), (Alteration{lost, "time = \"string\""}));
}

TEST(Altered, under_milliseconds_microseconds_are_proposed_only_where_they_keep_every_digit) {
  SourceColumn column = Of("datetime2", 6);
  column.options.Set("timestamps", "millis");
  const std::string lost = "the digits finer than milliseconds";
  EXPECT_EQ(AlterationOf(column), (Alteration{lost, "timestamps = \"micros\""}));
  column.scale = 7;
  EXPECT_EQ(AlterationOf(column), (Alteration{lost, "datetime2 = \"nanos\" or \"string\""}));
}

TEST(Altered, of_text_it_is_said_that_nothing_keeps_a_lone_surrogate) {
  for (const char* type : {"nvarchar", "nchar", "ntext", "xml", "sql_variant"}) {
    EXPECT_TRUE(AlterationOf(Of(type)).keeps.starts_with("nothing")) << type;
    EXPECT_NE(AlterationOf(Of(type)).lost.find("U+FFFD"), std::string::npos) << type;
  }
}

}  // namespace
}  // namespace cdc::columns

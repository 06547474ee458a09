#include "columns/value_length.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace cdc::columns {
namespace {

SourceColumn Column(const std::string& type, const std::string& collation = "") {
  SourceColumn column;
  column.name = "v";
  column.type_name = type;
  column.max_length_bytes = -1;
  column.collation = collation;
  return column;
}

int64_t LengthOf(const ValueLength& length, std::u16string_view text) {
  return length.Of(reinterpret_cast<const uint8_t*>(text.data()),
                   static_cast<int64_t>(2 * text.size()));
}

TEST(ValueLength, what_is_bound_as_it_is_stored_counts_its_bytes) {
  for (const char* type : {"varbinary", "nvarchar", "ntext", "xml"}) {
    const ValueLength length(Column(type, "Japanese_CI_AS"));
    EXPECT_TRUE(length.is_exact()) << type;
    EXPECT_EQ(length.BoundMax(1000), 1000) << type;
    EXPECT_EQ(LengthOf(length, u"a世😀"), 8) << type;
    EXPECT_EQ(length.AtLeast(8), 8) << type;
  }
}

TEST(ValueLength, text_of_a_code_page_counts_the_bytes_that_the_server_keeps) {
  const struct {
    const char* collation;
    int64_t bytes;  // of "aé世😀" bound as five units, as far as the code page has them
    bool exact;
  } cases[] = {{"SQL_Latin1_General_CP1_CI_AS", 5, true},
               {"Latin1_General_100_CI_AS_SC_UTF8", 1 + 2 + 3 + 4, false},
               {"Japanese_XJIS_100_CI_AS_SC_UTF8", 1 + 2 + 3 + 4, false},
               {"Japanese_CI_AS", 1 + 4 * 2, false},
               {"Chinese_PRC_CI_AS", 1 + 4 * 2, false},
               {"Korean_Wansung_CI_AS", 1 + 4 * 2, false}};
  for (const auto& one : cases) {
    for (const char* type : {"varchar", "text"}) {
      const ValueLength length(Column(type, one.collation));
      EXPECT_EQ(LengthOf(length, u"aé世😀"), one.bytes) << one.collation;
      EXPECT_EQ(length.is_exact(), one.exact) << one.collation;
      EXPECT_EQ(length.BoundMax(1000), 2000) << one.collation;
      EXPECT_EQ(length.AtLeast(10), 5) << one.collation;
    }
  }
}

TEST(ValueLength, text_of_types_that_are_short_in_the_server_is_never_too_long) {
  for (const char* type : {"sql_variant", "vector"}) {
    const ValueLength length(Column(type));
    EXPECT_GE(length.BoundMax(8 << 10), 2 * 2 * 8000 + 60) << type;
    EXPECT_EQ(length.BoundMax(16 << 20), 16 << 20) << type;
    EXPECT_TRUE(length.is_exact()) << type;
  }
}

}  // namespace
}  // namespace cdc::columns

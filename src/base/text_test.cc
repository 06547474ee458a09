#include "base/text.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(PathSegment, keeps_names_but_for_what_breaks_paths_or_hides_folders) {
  EXPECT_EQ(PathSegment("Person"), "Person");
  EXPECT_EQ(PathSegment("a/b%c]"), "a%2Fb%25c]");
  EXPECT_EQ(PathSegment("_hidden"), "%5Fhidden");
  EXPECT_EQ(PathSegment(".."), "%2E.");
  EXPECT_EQ(PathSegment("Straße"), "Straße");
  EXPECT_EQ(PathSegment("a\nb"), "a%0Ab");
}

TEST(PercentDecode, undoes_encoding_and_refuses_cut_escapes) {
  EXPECT_EQ(*PercentDecode("a%2Fb%25"), "a/b%");
  EXPECT_FALSE(PercentDecode("a%2").ok());
  EXPECT_FALSE(PercentDecode("a%GG").ok());
}

TEST(TomlString, can_be_pasted_whatever_is_in_a_name) {
  EXPECT_EQ(TomlString("Größe [x]"), "\"Größe [x]\"");
  EXPECT_EQ(TomlString("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
}

TEST(Numbers, are_written_for_people) {
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
  EXPECT_EQ(WithThousands(-1000), "-1,000");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
}

}  // namespace
}  // namespace cdc

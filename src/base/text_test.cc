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

TEST(Text, a_shell_word_is_one_word_whatever_is_in_it) {
  EXPECT_EQ(ShellWord("/etc/cdc-to-s3.toml"), "/etc/cdc-to-s3.toml");
  EXPECT_EQ(ShellWord("dbo.Orders"), "dbo.Orders");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("dbo.Order Lines"), "'dbo.Order Lines'");
  EXPECT_EQ(ShellWord("it's $(date) `x` \"y\" \\ *"), "'it'\\''s $(date) `x` \"y\" \\ *'");
  EXPECT_EQ(ShellWord("São"), "'São'");
}

}  // namespace
}  // namespace cdc

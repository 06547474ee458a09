#include "config/dotenv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace cdc::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Environment = std::map<std::string, std::string>;

// tests/config/test_dotenv.py judges many more files against python-dotenv itself.
Environment Read(std::string_view text, const Environment& environment = {}) {
  Environment values;
  for (const auto& [name, value] : Interpolate(ParseDotenv(text).ValueOrDie(), environment)) {
    values[name] = value.text;
  }
  return values;
}

TEST(Dotenv, quotes_escapes_comments_and_export_are_those_of_python_dotenv) {
  EXPECT_EQ(Read("A=b # comment\nexport B = 'x # y'\n"), (Environment{{"A", "b"}, {"B", "x # y"}}));
  EXPECT_EQ(Read("A=\"tab\\tquote\\\"\"\nB='tab\\tquote\\''\n"),
            (Environment{{"A", "tab\tquote\""}, {"B", "tab\\tquote'"}}));
  EXPECT_EQ(Read("A=\"two\nlines\"\r\nB=p#ss\n"),
            (Environment{{"A", "two\nlines"}, {"B", "p#ss"}}));
  EXPECT_EQ(Read("A=\nB\nC= # only a comment\n"), (Environment{{"A", ""}, {"C", ""}}));
}

TEST(Dotenv, variables_come_from_the_environment_first_then_from_above) {
  const char* text = "H=file\nA=${H}\nB=${NONE:-default}\nC=${NONE}\nD='${H}'\nE=$H\n";
  EXPECT_EQ(
      Read(text),
      (Environment{
          {"H", "file"}, {"A", "file"}, {"B", "default"}, {"C", ""}, {"D", "file"}, {"E", "$H"}}));
  EXPECT_EQ(Read(text, {{"H", "outside"}}).at("A"), "outside");
}

TEST(Dotenv, lines_that_do_not_parse_are_passed_over_and_told) {
  const auto dotenv = ParseDotenv("A=1\nB='open\nC=3\n\n=x\nD=\"4\" y\n").ValueOrDie();
  EXPECT_THAT(dotenv.unreadable_lines, ElementsAre(2, 5, 6));
  EXPECT_EQ(Read("B='open\nC=3\n"), (Environment{{"C", "3"}}));
}

TEST(Dotenv, knows_the_line_of_each_name) {
  const auto values = Interpolate(ParseDotenv("\n\nA=1\nB=\"x\ny\"\nC=3").ValueOrDie(), {});
  EXPECT_EQ(values.at("A").line, 3);
  EXPECT_EQ(values.at("B").line, 4);
  EXPECT_EQ(values.at("C").line, 6);
}

TEST(Dotenv, a_byte_order_mark_is_dropped_and_other_encodings_are_refused) {
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "A=ü\n"),
            (Environment{{"A", "ü"}}));
  for (const char* text :
       {"A=\xFC", "A=\xC3", "A=\xED\xA0\x80", "A=\xC0\x80", "A=\xF5\x80\x80\x80"}) {
    EXPECT_THAT(ParseDotenv(text).status().message(), HasSubstr("not UTF-8 at byte 2"));
  }
}

}  // namespace
}  // namespace cdc::config

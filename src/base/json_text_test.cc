#include "base/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cdc {
namespace {

using ::testing::HasSubstr;

std::string Error(const std::string& text, size_t bytes_max = kRecordBytesMax) {
  return ParseJson(text, bytes_max).status().message();
}

TEST(JsonText, is_read_or_refused_with_the_reason) {
  EXPECT_EQ(ParseJson(R"({"b":[1,{"a":"x"}],"a":null})").ValueOrDie().dump(),
            R"({"b":[1,{"a":"x"}],"a":null})");
  for (const char* bad : {"", "{", "[1,]", "{\"a\":1} x", "\xFF", "\"\xFF\""}) {
    EXPECT_EQ(Error(bad), "it is not JSON") << bad;
  }
}

TEST(JsonText, is_refused_where_it_nests_deeply_before_it_is_parsed) {
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(ParseJson(nested(32)).ok());
  EXPECT_THAT(Error(nested(33)), HasSubstr("deeper than 32 levels"));
  EXPECT_THAT(Error(nested(1'000'000)), HasSubstr("deeper than 32 levels"));
  EXPECT_THAT(Error(std::string(1'000'000, '[')), HasSubstr("deeper than 32 levels"));
  std::string objects = "1";
  for (int i = 0; i < 40; ++i) objects = "{\"a\\\"[\":" + objects + "}";
  EXPECT_THAT(Error(objects), HasSubstr("deeper than 32 levels"));
}

TEST(JsonText, brackets_in_texts_are_no_depth) {
  const std::string brackets =
      "[\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"]";
  EXPECT_TRUE(ParseJson(brackets).ok());
}

TEST(JsonText, is_refused_where_it_is_long) {
  EXPECT_TRUE(ParseJson("[1234]", 6).ok());
  EXPECT_THAT(Error("[12345]", 6), HasSubstr("it has 7 bytes, more than the 6"));
}

}  // namespace
}  // namespace cdc

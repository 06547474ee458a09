#include "base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Units, durations_are_numbers_with_units_from_large_to_small) {
  const std::pair<const char*, int64_t> cases[] = {
      {"500ms", 500},      {"60s", 60'000},          {"5m", 300'000}, {"1h30m", 5'400'000},
      {"7d", 604'800'000}, {"1h1m1s1ms", 3'661'001}, {" 2S ", 2'000}, {"0s", 0}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ParseDuration(text).ValueOr(milliseconds(-1)).count(), expected) << text;
  }
}

TEST(Units, what_is_no_duration_is_refused) {
  for (const char* text : {"", "s", "-1s", "1.5s", "30m1h", "1s1s", "1x", "1 s 2", "1_s",
                           "9999999999999999999s", "99999999999999d"}) {
    EXPECT_THAT(ParseDuration(text).status().message(), HasSubstr("not a duration")) << text;
  }
  EXPECT_THAT(ParseDuration("60").status().message(), HasSubstr("write 60s for seconds"));
}

TEST(Units, sizes_are_bytes_or_have_an_unambiguous_unit) {
  const std::pair<const char*, int64_t> cases[] = {{"128MiB", 134'217'728},  {"128MB", 128'000'000},
                                                   {"64 kib", 65'536},       {"1GB", 1'000'000'000},
                                                   {"2GiB", 2'147'483'648},  {"4096", 4096},
                                                   {"1_000_000", 1'000'000}, {"7B", 7}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ParseSize(text).ValueOr(-1), expected) << text;
  }
  for (const char* text : {"", "128M", "MiB", "-1", "1.5MiB", "1__0", "9999999TiB", "1MiB2"}) {
    EXPECT_THAT(ParseSize(text).status().message(), HasSubstr("not a size")) << text;
  }
}

TEST(Units, what_is_formatted_reads_back) {
  for (int64_t number : {0, 1, 999, 1'000, 61'001, 90'061'001, 134'217'728, 1 << 30}) {
    EXPECT_EQ(ParseDuration(FormatDuration(milliseconds(number)))->count(), number);
    EXPECT_EQ(ParseSize(FormatSize(number)).ValueOrDie(), number);
  }
  EXPECT_EQ(FormatDuration(milliseconds(5'400'000)), "1h30m");
  EXPECT_EQ(FormatSize(134'217'728), "128MiB");
}

TEST(Units, whole_numbers_may_have_underscores_between_digits) {
  EXPECT_EQ(ParseInteger("1_000_000").ValueOrDie(), 1'000'000);
  EXPECT_EQ(ParseInteger("-5").ValueOrDie(), -5);
  for (const char* text : {"", "-", "_1", "1_", "1e6", "0x10", "99999999999999999999"}) {
    EXPECT_FALSE(ParseInteger(text).ok()) << text;
  }
}

}  // namespace
}  // namespace cdc

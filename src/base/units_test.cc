#include "base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Units, durations_are_numbers_with_units_from_large_to_small) {
  const std::pair<const char*, int64_t> cases[] = {
      {"500ms", 500},      {"60s", 60'000},           {"5m", 300'000},     {"1h30m", 5'400'000},
      {"7d", 604'800'000}, {"1h1m1s1ms", 3'661'001},  {" 2S ", 2'000},     {"0s", 0},
      {"60 s", 60'000},    {"1 h 30 min", 5'400'000}, {"3min12s", 192'000}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ParseDuration(text).ValueOr(milliseconds(-1)).count(), expected) << text;
  }
}

TEST(Units, durations_for_people_have_two_units_at_most) {
  EXPECT_EQ(HumanDuration(-5s), "0 s");
  EXPECT_EQ(HumanDuration(40ms), "0 s");
  EXPECT_EQ(HumanDuration(440ms), "0.4 s");
  EXPECT_EQ(HumanDuration(2s), "2 s");
  EXPECT_EQ(HumanDuration(1'940ms), "1.9 s");
  EXPECT_EQ(HumanDuration(2'400ms), "2 s");
  EXPECT_EQ(HumanDuration(59'600ms), "1 min");
  EXPECT_EQ(HumanDuration(192s), "3 min 12 s");
  EXPECT_EQ(HumanDuration(2h + 5min + 59s), "2 h 5 min");
  EXPECT_EQ(HumanDuration(76h), "3 d 4 h");
}

TEST(Units, a_duration_for_people_can_be_read_as_a_setting) {
  for (const auto duration : {0s, 12s, 192s, 7'500s, 273'600s}) {
    EXPECT_EQ(ParseDuration(HumanDuration(duration)).ValueOr(milliseconds(-1)), duration);
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

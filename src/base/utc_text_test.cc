#include "base/utc_text.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

std::string Read(std::string_view text) {
  const auto time = ParseUtc(text);
  return time.ok() ? FormatUtc(*time) : "invalid";
}

TEST(UtcText, reads_times_with_their_offset_and_dates_as_midnight) {
  EXPECT_EQ(Read("2025-01-09T14:30:15Z"), "2025-01-09T14:30:15Z");
  EXPECT_EQ(Read("2025-01-09 14:30:15+02:00"), "2025-01-09T12:30:15Z");
  EXPECT_EQ(Read("2025-01-09T00:10-0530"), "2025-01-09T05:40:00Z");
  EXPECT_EQ(Read("2025-01-09"), "2025-01-09T00:00:00Z");
  EXPECT_EQ(Read("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59Z");
  EXPECT_EQ(Read("0001-01-01"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Read("1969-12-31T23:59:59.5Z"), "1969-12-31T23:59:59Z");
  EXPECT_EQ(*ParseUtc("2025-01-09T14:30:15.1234567Z"),
            *ParseUtc("2025-01-09T14:30:15Z") + std::chrono::microseconds(123456));
}

TEST(UtcText, refuses_what_is_no_time_and_asks_for_the_zone) {
  for (const char* text : {"", "yesterday", "2025-13-01", "2025-02-30", "2025-01-09T25:00Z",
                           "2025-01-09T14:30:15Zulu", "2025-01-09T14:30:15.Z", "2025-1-9"}) {
    EXPECT_EQ(Read(text), "invalid") << text;
  }
  EXPECT_NE(ParseUtc("2025-01-09T14:30:15").status().message().find("14:30:15Z for UTC"),
            std::string::npos);
}

}  // namespace
}  // namespace cdc

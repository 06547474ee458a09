#include "source/answers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace cdc::source {
namespace {

// Newest first: minutes of the hour, and whether the row is a transaction's.
bool ShowsIdle(const std::vector<std::pair<int, bool>>& rows) {
  odbc::SmallResult result;
  for (const auto& [minute, is_change] : rows) {
    result.rows.push_back({is_change ? std::string("\0\1", 2) : std::string(1, '\0'),
                           fmt::format("2026-11-23 03:{:02}:00.000", minute)});
  }
  return ShowsIdleRows(result).ValueOrDie();
}

TEST(Answers, three_dummy_rows_in_a_row_are_those_of_an_idle_database) {
  EXPECT_TRUE(ShowsIdle({{15, false}, {10, false}, {5, false}}));
  EXPECT_TRUE(ShowsIdle({{16, true}, {15, false}, {10, false}, {5, false}, {4, true}}));
  EXPECT_FALSE(ShowsIdle({}));
  EXPECT_FALSE(ShowsIdle({{15, true}, {10, true}, {5, true}}));
}

TEST(Answers, single_dummy_rows_and_some_of_one_moment_are_not) {
  EXPECT_FALSE(ShowsIdle({{15, false}, {10, true}, {5, false}, {4, true}, {1, false}}));
  EXPECT_FALSE(ShowsIdle({{5, false}, {5, false}, {5, false}, {5, false}}));
  EXPECT_FALSE(ShowsIdle({{15, false}, {10, false}}));
}

}  // namespace
}  // namespace cdc::source

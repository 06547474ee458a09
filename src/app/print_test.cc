#include "app/print.h"

#include <gtest/gtest.h>

#include "app/human.h"

namespace cdc::app {
namespace {

constexpr char kHostile[] = "Orders\x1b[2J\u202E\u009b31m\ncdc-to-s3: all is well";

std::string Said(const auto& say) {
  testing::internal::CaptureStdout();
  say();
  return testing::internal::GetCapturedStdout();
}

TEST(Print, what_is_filled_in_steers_no_terminal_and_begins_no_line) {
  const std::string said = Said([] { Say("{}: {} rows\n  {:<4}|\n", kHostile, 3, "ab"); });
  EXPECT_EQ(said, "Orders\uFFFD[2J\uFFFD\uFFFD31m\uFFFDcdc-to-s3: all is well: 3 rows\n  ab  |\n");
}

TEST(Print, lines_of_a_message_are_told_from_the_programs_own) {
  EXPECT_EQ(PrintableLines("these are missing:\n  source.host\nforged\n\n\x1b[2J", 2).text,
            "these are missing:\n  source.host\n  forged\n\n  \uFFFD[2J");
  EXPECT_EQ(Said([] { Say("{}\n", Wrap(kHostile, 4)); }),
            "Orders\uFFFD[2J\uFFFD\uFFFD31m\n    cdc-to-s3: all is well\n");
}

TEST(Print, cells_of_a_table_are_single_lines) {
  Columns table;
  table.Row({kHostile, "x"});
  EXPECT_EQ(table.ToString(0).text,
            "Orders\uFFFD[2J\uFFFD\uFFFD31m\uFFFDcdc-to-s3: all is well  x\n");
}

}  // namespace
}  // namespace cdc::app

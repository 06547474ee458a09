#include "status/words.h"

#include <gtest/gtest.h>

namespace cdc::status {
namespace {

using namespace std::chrono_literals;  // NOLINT: for tests

TEST(Words, html_is_escaped_and_repaired) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
  EXPECT_EQ(EscapeHtml("Straße 注文 😀"), "Straße 注文 😀");
  EXPECT_EQ(EscapeHtml("\x01\xff"), "\uFFFD\uFFFD");
}

TEST(Words, nothing_printable_steers_a_terminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb\rc\x7f"), "a\uFFFD[2Jb\uFFFDc\uFFFD");
  EXPECT_EQ(Printable("\u009b31m"), "\uFFFD31m");
  EXPECT_EQ(Printable("\u202Eabc"), "\uFFFDabc");
  EXPECT_EQ(Printable("\xe2\x28\xa1 \xf0\x9f\x98"), "\uFFFD(\uFFFD \uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "half of a surrogate pair";
}

TEST(Words, columns_are_counted_as_a_terminal_shows_them) {
  EXPECT_EQ(Columns("Straße"), 6U);
  EXPECT_EQ(Columns("注文"), 4U);
  EXPECT_EQ(Columns("e\u0301"), 1U);
  EXPECT_EQ(CutTo("abcdef", 6), "abcdef");
  EXPECT_EQ(CutTo("abcdefg", 6), "abcde…");
  EXPECT_EQ(CutTo("注文明細", 6), "注文…");
  EXPECT_EQ(CutTo("abc", 0), "");
}

}  // namespace
}  // namespace cdc::status

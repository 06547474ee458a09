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

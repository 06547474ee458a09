#include "odbc/utf16.h"

#include <gtest/gtest.h>

#include <string>

namespace cdc::odbc {
namespace {

std::string Convert(std::u16string_view text, int64_t* replaced) {
  std::string target(MaxUtf8Bytes(text.size()), '?');
  target.resize(Utf16LeToUtf8(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                              target.data(), replaced));
  return target;
}

TEST(Utf16Test, every_code_point_goes_to_utf16_and_back) {
  int64_t replaced = 0;
  for (char32_t code_point = 0; code_point <= 0x10FFFF;
       code_point += code_point < 0x3000 ? 1 : 61) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::u16string utf16;
    if (code_point < 0x10000) {
      utf16 = {static_cast<char16_t>(code_point)};
    } else {
      utf16 = {static_cast<char16_t>(0xD800 + ((code_point - 0x10000) >> 10)),
               static_cast<char16_t>(0xDC00 + ((code_point - 0x10000) & 0x3FF))};
    }
    // At every distance from a run of ASCII, which is converted four at a time.
    for (const std::u16string before : {u"", u"a", u"ab", u"abc", u"abcd", u"abcde"}) {
      const std::u16string text = before + utf16 + u"xyz12";
      ASSERT_EQ(ToUtf16(Convert(text, &replaced)), text) << static_cast<uint32_t>(code_point);
    }
  }
  EXPECT_EQ(replaced, 0);
  EXPECT_EQ(ToUtf8(u"aé€🚲"), "aé€🚲");
}

TEST(Utf16Test, nul_characters_are_kept) {
  EXPECT_EQ(ToUtf8(std::u16string(u"a\0b\0", 4)), std::string("a\0b\0", 4));
}

TEST(Utf16Test, each_lone_surrogate_becomes_one_replacement_character_and_is_counted) {
  const struct {
    std::u16string text;
    std::string expected;
    int64_t replaced;
  } cases[] = {{{0xD83D}, "\uFFFD", 1},
               {{0xDEB2}, "\uFFFD", 1},
               {{u'a', 0xD83D, u'b'}, "a\uFFFDb", 1},
               {{0xDEB2, 0xD83D}, "\uFFFD\uFFFD", 2},
               {{0xD83D, 0xD83D, 0xDEB2}, "\uFFFD🚲", 1}};
  for (const auto& one : cases) {
    int64_t replaced = 0;
    EXPECT_EQ(Convert(one.text, &replaced), one.expected);
    EXPECT_EQ(replaced, one.replaced);
  }
}

TEST(Utf16Test, the_bytes_of_a_text_can_be_counted_before_it_is_converted) {
  const std::u16string texts[] = {u"",
                                  u"plain",
                                  u"é世😀a",
                                  {0xD83D},
                                  {0xDEB2, 0xD83D},
                                  {0xD83D, 0xD83D, 0xDEB2},
                                  u"\u007F\u0080\u07FF\u0800"};
  for (const std::u16string& text : texts) {
    const auto* units = reinterpret_cast<const uint8_t*>(text.data());
    int64_t replaced = 0;
    EXPECT_EQ(Utf8Bytes(units, text.size()), Convert(text, &replaced).size());
  }
}

TEST(Utf16Test, bytes_that_are_no_utf8_become_replacement_characters) {
  EXPECT_EQ(ToUtf16("a\xFFz"), u"a\uFFFDz");
  EXPECT_EQ(ToUtf16("\xC0\x80"), u"\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(ToUtf16("\xED\xA0\x80"), u"\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(ToUtf16("\xF4\x90\x80\x80")[0], u'\uFFFD');       // beyond U+10FFFF
  EXPECT_EQ(ToUtf16("\xE2\x82"), u"\uFFFD\uFFFD");            // cut
}

}  // namespace
}  // namespace cdc::odbc

#include "base/printable.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace cdc {
namespace {

TEST(Printable, nothing_steers_a_terminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb\rc\x7f"), "a\uFFFD[2Jb\uFFFDc\uFFFD");
  EXPECT_EQ(Printable("\u009b31m"), "\uFFFD31m");
  for (const char* turns : {"\u202E", "\u2066", "\u200F", "\u200E", "\u061C", "\u2028", "\u206A"}) {
    EXPECT_EQ(Printable(std::string("a") + turns + "b"), "a\uFFFDb");
  }
  EXPECT_EQ(Printable("Straße\u00A0注文 e\u0301 👩\u200D🔬"), "Straße\u00A0注文 e\u0301 👩\u200D🔬");
  EXPECT_EQ(Printable("\xe2\x28\xa1 \xf0\x9f\x98"), "\uFFFD(\uFFFD \uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "half of a surrogate pair";
}

TEST(Printable, json_keeps_its_value) {
  const Json value = {{"a\u009b", "\x1b[2J\u202E\x7f注文\n"}, {"b", {1, "\u2028"}}};
  const std::string text = EscapeInJson(value.dump(1));
  EXPECT_EQ(Json::parse(text), value);
  for (const char* steers : {"\u009b", "\x1b", "\u202E", "\x7f", "\u2028"}) {
    EXPECT_EQ(text.find(steers), std::string::npos);
  }
  EXPECT_NE(text.find("注文"), std::string::npos);
}

}  // namespace
}  // namespace cdc

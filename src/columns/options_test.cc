#include "columns/options.h"

#include <gtest/gtest.h>

#include "columns/type_table.h"

namespace cdc::columns {
namespace {

TEST(OptionsTest, every_option_has_its_default_until_it_is_set) {
  Options options;
  for (const OptionKey& key : OptionKeys()) {
    EXPECT_EQ(options.Word(key.name), key.default_word);
    if (key.words.empty()) continue;
    EXPECT_EQ(key.words.front(), key.default_word);
    for (const std::string_view word : key.words) {
      options.Set(key.name, word);
      EXPECT_EQ(options.Word(key.name), word);
      for (const std::string_view other : key.words) {
        EXPECT_EQ(options.Is(key.name, other), other == word) << key.name << " = " << word;
      }
      EXPECT_EQ(options.Words().at(std::string(key.name)), word);
    }
    options.Set(key.name, key.default_word);
  }
  EXPECT_EQ(options.Words(), Options().Words());
}

TEST(OptionsTest, the_words_of_forms_are_words_of_their_options_and_choose_them) {
  for (const SqlType& type : SqlTypes()) {
    EXPECT_EQ(type.forms.front().option, "") << type.name;
    EXPECT_EQ(&FormOf(type, Options()), &type.forms.front()) << type.name;
    for (const Form& form : type.forms.subspan(1)) {
      Options options;
      options.Set(form.option, form.word);
      EXPECT_EQ(&FormOf(type, options), &form) << type.name << " " << form.word;
    }
  }
}

TEST(OptionsTest, a_word_that_no_list_has_is_a_mistake_in_the_program) {
  EXPECT_DEATH(Options().Is("mask", "nul"), "nul is no word of option mask");
  EXPECT_DEATH(Options().Word("maks"), "maks is no option");
}

}  // namespace
}  // namespace cdc::columns

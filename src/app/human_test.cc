#include "app/human.h"

#include <gtest/gtest.h>

namespace cdc::app {
namespace {

TEST(HumanTest, columns_stand_below_each_other_behind_names_of_any_script) {
  Columns table;
  table.Row({"id", "int"});
  table.Row({"注文😀", "text"});   // six columns of a terminal
  table.Row({"e\u0301", "bit"});  // one
  EXPECT_EQ(table.ToString(1).text, " id      int\n 注文😀  text\n e\u0301       bit\n");
}

}  // namespace
}  // namespace cdc::app

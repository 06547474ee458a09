#include "base/own_variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace cdc {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

TEST(OwnVariablesTest, programs_that_are_started_inherit_what_was_there_before) {
  ::setenv("CDC_TEST_THERE", "theirs", 1);
  ::unsetenv("CDC_TEST_NEW");
  SetOwnVariable("CDC_TEST_THERE", "ours");
  SetOwnVariable("CDC_TEST_THERE", "ours again");
  SetOwnVariable("CDC_TEST_NEW", "ours");
  EXPECT_STREQ(std::getenv("CDC_TEST_THERE"), "ours again");
  EXPECT_THAT(InheritedEnvironment(), Contains("CDC_TEST_THERE=theirs").Times(1));
  EXPECT_THAT(InheritedEnvironment(), Not(Contains("CDC_TEST_THERE=ours again")));
  EXPECT_THAT(InheritedEnvironment(), Not(Contains(StartsWith("CDC_TEST_NEW="))));
  RestoreVariable("CDC_TEST_THERE");
  RestoreVariable("CDC_TEST_NEW");
  RestoreVariable("CDC_TEST_NEVER_SET");
  EXPECT_STREQ(std::getenv("CDC_TEST_THERE"), "theirs");
  EXPECT_EQ(std::getenv("CDC_TEST_NEW"), nullptr);
}

}  // namespace
}  // namespace cdc

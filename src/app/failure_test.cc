#include "app/failure.h"

#include <gtest/gtest.h>

#include "app/wiring.h"
#include "base/fault.h"
#include "state/state_file.h"

namespace cdc::app {
namespace {

using store::ErrorKind;
using store::MakeError;

TEST(FailureTest, an_errors_fault_alone_says_whether_run_goes_on) {
  const struct {
    arrow::Status why;
    bool once_before, once_after;  // ends, before and after both sides were reached
    bool daemon_before, daemon_after;
  } cases[] = {
      // The database is being restored: it asks for patience.
      {TransientFault("cannot be used now"), false, false, false, false},
      {MakeFault({.retry = Retry::kAfterReconnect, .reach = Reach::kConnection}, "refused"), true,
       false, false, false},
      {MakeError(ErrorKind::kTransient, "no answer"), true, false, false, false},
      {MakeFault({.reach = Reach::kConnection, .native = 18456}, "wrong password"), true, true,
       true, false},
      {MakeError(ErrorKind::kNoBucket, "404"), true, true, true, false},
      {arrow::Status::Invalid("change data capture is not enabled"), true, true, true, false},
      {StopsEverything("restored"), true, true, true, true},
      {state::OwnershipLost("another copy"), true, true, true, false},
      {MakeFault({.retry = Retry::kNextRound, .reach = Reach::kOwnership}, "unsettled"), false,
       false, false, false},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(EndsOnce(one.why, false), one.once_before) << one.why;
    EXPECT_EQ(EndsOnce(one.why, true), one.once_after) << one.why;
    EXPECT_EQ(EndsDaemon(one.why, false), one.daemon_before) << one.why;
    EXPECT_EQ(EndsDaemon(one.why, true), one.daemon_after) << one.why;
  }
}

TEST(FailureTest, settings_that_name_no_credentials_are_a_wrong_use_and_nothing_else_is) {
  EXPECT_EQ(ExitCodeOf(MakeError(ErrorKind::kNoCredentials, "none")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(MakeError(ErrorKind::kDenied, "403")), kExitFailed);
  EXPECT_EQ(ExitCodeOf(MakeError(ErrorKind::kTransient, "no answer")), kExitFailed);
  EXPECT_EQ(ExitCodeOf(arrow::Status::Invalid("x")), kExitFailed);
}

}  // namespace
}  // namespace cdc::app

#include <gtest/gtest.h>

#include "base/fault.h"
#include "store/store.h"

namespace cdc::store {
namespace {

TEST(StoreErrorTest, each_kind_says_when_to_try_again_and_what_it_reaches) {
  const struct {
    ErrorKind kind;
    Retry retry;
    Reach reach;
  } cases[] = {
      {ErrorKind::kTransient, Retry::kNextRound, Reach::kConnection},
      {ErrorKind::kConflict, Retry::kWhenSomebodyActs, Reach::kTable},
      {ErrorKind::kNotFound, Retry::kWhenSomebodyActs, Reach::kTable},
      {ErrorKind::kNoBucket, Retry::kWhenSomebodyActs, Reach::kConnection},
      {ErrorKind::kNoCredentials, Retry::kWhenSomebodyActs, Reach::kConnection},
      {ErrorKind::kDenied, Retry::kWhenSomebodyActs, Reach::kConnection},
      {ErrorKind::kPermanent, Retry::kWhenSomebodyActs, Reach::kTable},
  };
  for (const auto& one : cases) {
    const arrow::Status status = MakeError(one.kind, "x");
    EXPECT_EQ(KindOf(status), one.kind) << status;
    EXPECT_EQ(FaultOf(status).retry, one.retry) << status;
    EXPECT_EQ(FaultOf(status).reach, one.reach) << status;
    EXPECT_EQ(KindOf(status.WithMessage("put k: ", status.message())), one.kind) << status;
  }
}

TEST(StoreErrorTest, a_fault_of_another_room_is_of_no_kind_that_a_store_could_mend) {
  EXPECT_EQ(KindOf(TransientFault("a replica that lags")), ErrorKind::kPermanent);
  EXPECT_EQ(KindOf(arrow::Status::IOError("x")), ErrorKind::kPermanent);
}

}  // namespace
}  // namespace cdc::store

#include "base/fault.h"

#include <gtest/gtest.h>

#include <memory>

namespace cdc {
namespace {

using arrow::Status;

class Stranger : public arrow::StatusDetail {
 public:
  const char* type_id() const override { return "stranger"; }
  std::string ToString() const override { return "a stranger"; }
};

TEST(FaultTest, each_way_to_make_one_says_when_to_try_again_and_what_it_reaches) {
  const struct {
    Status status;
    Retry retry;
    Reach reach;
  } cases[] = {
      {TransientFault("x"), Retry::kNextRound, Reach::kTable},
      {StopsTable("x"), Retry::kWhenSomebodyActs, Reach::kTable},
      {StopsEverything("x"), Retry::kWhenSomebodyActs, Reach::kEverything},
      // Nobody said what these mean.
      {Status::IOError("x"), Retry::kWhenSomebodyActs, Reach::kTable},
      {Status::IOError("x").WithDetail(std::make_shared<Stranger>()), Retry::kWhenSomebodyActs,
       Reach::kTable},
      {Status::OK(), Retry::kWhenSomebodyActs, Reach::kTable},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(FaultOf(one.status).retry, one.retry) << one.status;
    EXPECT_EQ(FaultOf(one.status).reach, one.reach) << one.status;
    EXPECT_EQ(IsStopsEverything(one.status), one.reach == Reach::kEverything) << one.status;
  }
}

TEST(FaultTest, more_words_leave_the_meaning_as_it_is) {
  const Status status = MakeFault({.retry = Retry::kAfterReconnect,
                                   .reach = Reach::kConnection,
                                   .native = 596,
                                   .code = "code",
                                   .records = "08S01 596: killed"},
                                  "killed");
  const Status told = status.WithMessage("read dbo.A: ", status.message());
  EXPECT_EQ(told.message(), "read dbo.A: killed");
  EXPECT_TRUE(told.IsIOError());
  EXPECT_EQ(FaultOf(told).retry, Retry::kAfterReconnect);
  EXPECT_EQ(FaultOf(told).reach, Reach::kConnection);
  EXPECT_EQ(FaultOf(told).native, 596);
  EXPECT_EQ(FaultOf(told).code, "code");
  EXPECT_EQ(FaultOf(told).records, "08S01 596: killed");
}

TEST(FaultTest, another_meaning_leaves_words_and_code_as_they_are) {
  const RowKey row{*Lsn::Parse("0000002A000001C80003"), 1, *Lsn::Parse("0000002A000001C80002"), 2};
  const Status status =
      WithFault(Status::NotImplemented("no such type"), {.reach = Reach::kValue, .row = row});
  EXPECT_TRUE(status.IsNotImplemented());
  EXPECT_EQ(status.message(), "no such type");
  EXPECT_EQ(FaultOf(status).reach, Reach::kValue);
  EXPECT_EQ(FaultOf(status).row, row);
}

TEST(FaultTest, its_text_is_for_whoever_debugs) {
  const Status status =
      MakeFault({.native = 208, .code = "code", .records = "42S02 208: Invalid object name"}, "x");
  EXPECT_EQ(status.detail()->ToString(),
            "when somebody acts, table, code, error 208: 42S02 208: Invalid object name");
}

TEST(FaultTest, what_reaches_farther_compares_greater) {
  EXPECT_LT(Reach::kValue, Reach::kTable);
  EXPECT_LT(Reach::kTable, Reach::kConnection);
  EXPECT_LT(Reach::kConnection, Reach::kEverything);
  EXPECT_LT(Reach::kEverything, Reach::kOwnership);
}

}  // namespace
}  // namespace cdc

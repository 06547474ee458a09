#include "source/value_fault.h"

#include <gtest/gtest.h>

#include "base/fault.h"
#include "source/sql_server.h"

namespace cdc::source {
namespace {

TEST(ValueFaultTest, it_reaches_one_row_and_waits_for_somebody) {
  const RowKey row{*Lsn::Parse("0000002A000001C80003"), 1, *Lsn::Parse("0000002A000001C80002"), 2};
  const arrow::Status why = ValueFault(row, arrow::Status::Invalid("too long"));
  EXPECT_EQ(FaultOf(why).retry, Retry::kWhenSomebodyActs);
  EXPECT_EQ(FaultOf(why).reach, Reach::kValue);
  EXPECT_EQ(FaultyRow(why), row);
  EXPECT_EQ(FaultyRow(why.WithMessage("read dbo.A: ", why.message())), row);
  EXPECT_EQ(FaultyRow(arrow::Status::Invalid("too long")), std::nullopt);
}

TEST(RemedyTest, what_helps_is_added_to_what_the_error_means) {
  for (const int native : {208, 229, 916}) {
    const arrow::Status why = WithRemedy(MakeFault({.native = native}, "no"), "reader", "Shop");
    EXPECT_NE(why.message().find("What helps: "), std::string::npos) << why;
    EXPECT_EQ(FaultOf(why).native, native);
  }
}

}  // namespace
}  // namespace cdc::source

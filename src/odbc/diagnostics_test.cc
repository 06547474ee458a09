#include "odbc/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "odbc/driver_profile.h"

namespace cdc::odbc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const DriverProfile& FreeTds() { return *FindProfile("FreeTDS"); }
const DriverProfile& Microsoft() { return *FindProfile("ODBC Driver 18 for SQL Server"); }

TEST(DiagnosticsTest, errors_are_classified_by_native_numbers_whatever_the_sqlstate) {
  const struct {
    Diagnostic record;
    Retry by_freetds;
    Retry by_microsoft;
  } cases[] = {
      {{"42000", 1205, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"40001", 1205, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"42000", 1222, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"42000", 983, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"HYT00", 0, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"HYT00", 20003, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"HY008", 0, ""}, Retry::kNextRound, Retry::kNextRound},
      {{"42S02", 208, ""}, Retry::kWhenSomebodyActs, Retry::kWhenSomebodyActs},
      {{"42000", 229, ""}, Retry::kWhenSomebodyActs, Retry::kWhenSomebodyActs},
      {{"08004", 916, ""}, Retry::kWhenSomebodyActs, Retry::kWhenSomebodyActs},
      {{"08004", 911, ""}, Retry::kWhenSomebodyActs, Retry::kWhenSomebodyActs},
      {{"08S01", 104, ""}, Retry::kAfterReconnect, Retry::kAfterReconnect},
      {{"42000", 596, ""}, Retry::kAfterReconnect, Retry::kAfterReconnect},
      {{"HY000", 0,
        "Unspecified error occurred on SQL Server. Connection may have been terminated "
        "by the server."},
       Retry::kAfterReconnect,
       Retry::kAfterReconnect},
      // FreeTDS's own numbers for a broken stream; SQL Server's replication messages have them,
      // too.
      {{"01000", 20017, ""}, Retry::kAfterReconnect, Retry::kWhenSomebodyActs},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(Classify({one.record}, FreeTds(), false), one.by_freetds) << one.record.native;
    EXPECT_EQ(Classify({one.record}, Microsoft(), false), one.by_microsoft) << one.record.native;
    EXPECT_EQ(Classify({one.record}, Microsoft(), true), Retry::kAfterReconnect);
  }
  EXPECT_EQ(Classify({}, Microsoft(), false), Retry::kAfterReconnect);
}

TEST(DiagnosticsTest, a_success_with_information_is_harmless_only_with_records_that_all_are) {
  EXPECT_FALSE(OnlyHarmless({}, FreeTds()));
  EXPECT_TRUE(OnlyHarmless({{"01000", 5701, ""}}, FreeTds()));
  EXPECT_FALSE(OnlyHarmless({{"01000", 5701, ""}, {"22012", 8134, ""}}, FreeTds()));
  EXPECT_FALSE(OnlyHarmless({{"01000", 20017, ""}}, FreeTds()));
  EXPECT_FALSE(OnlyHarmless({{"01000", 0, ""}, {"08S01", 0, ""}}, Microsoft()));
}

TEST(DiagnosticsTest, an_error_names_the_servers_own_record_and_carries_all) {
  const arrow::Status status = MakeError(
      "read rows", {{"01000", 20018, "General error"}, {"42S02", 208, "Invalid object name 'x'."}},
      Retry::kWhenSomebodyActs, FreeTds());
  EXPECT_EQ(status.message(), "read rows: Invalid object name 'x'. (error 208, SQLSTATE 42S02)");
  EXPECT_EQ(FaultOf(status).native, 208);
  EXPECT_EQ(FaultOf(status).records,
            "01000 20018: General error; 42S02 208: Invalid object name 'x'.");
  EXPECT_EQ(FaultOf(status).retry, Retry::kWhenSomebodyActs);
}

TEST(DiagnosticsTest, an_error_that_only_a_new_connection_mends_reaches_all_on_this_one) {
  const auto reach = [](Retry retry) {
    return FaultOf(MakeError("read rows", {{"42000", 7, "x"}}, retry, FreeTds())).reach;
  };
  EXPECT_EQ(reach(Retry::kNextRound), Reach::kTable);
  EXPECT_EQ(reach(Retry::kWhenSomebodyActs), Reach::kTable);
  EXPECT_EQ(reach(Retry::kAfterReconnect), Reach::kConnection);
}

TEST(DiagnosticsTest, an_error_that_took_its_connection_with_it_keeps_its_number) {
  const arrow::Status permanent =
      MakeError("read rows", {{"42S02", 208, "Invalid object name 'x'."}}, Retry::kWhenSomebodyActs,
                FreeTds());
  const arrow::Status lost = AsConnectionLost(permanent);
  EXPECT_EQ(FaultOf(lost).retry, Retry::kAfterReconnect);
  EXPECT_EQ(FaultOf(lost).reach, Reach::kConnection);
  EXPECT_EQ(FaultOf(lost).native, 208);
  EXPECT_EQ(FaultOf(lost).records, FaultOf(permanent).records);
}

}  // namespace
}  // namespace cdc::odbc

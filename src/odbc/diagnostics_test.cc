#include "odbc/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "odbc/driver_profile.h"
#include "odbc/login_error.h"

namespace cdc::odbc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const DriverProfile& FreeTds() { return *FindProfile("FreeTDS"); }
const DriverProfile& Microsoft() { return *FindProfile("ODBC Driver 18 for SQL Server"); }

TEST(DiagnosticsTest, errors_are_classified_by_native_numbers_whatever_the_sqlstate) {
  const struct {
    Diagnostic record;
    ErrorClass by_freetds;
    ErrorClass by_microsoft;
  } cases[] = {
      {{"42000", 1205, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"40001", 1205, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"42000", 1222, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"42000", 983, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"HYT00", 0, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"HYT00", 20003, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"HY008", 0, ""}, ErrorClass::kTransient, ErrorClass::kTransient},
      {{"42S02", 208, ""}, ErrorClass::kPermanent, ErrorClass::kPermanent},
      {{"42000", 229, ""}, ErrorClass::kPermanent, ErrorClass::kPermanent},
      {{"08S01", 104, ""}, ErrorClass::kConnectionLost, ErrorClass::kConnectionLost},
      {{"42000", 596, ""}, ErrorClass::kConnectionLost, ErrorClass::kConnectionLost},
      {{"HY000", 0,
        "Unspecified error occurred on SQL Server. Connection may have been terminated "
        "by the server."},
       ErrorClass::kConnectionLost,
       ErrorClass::kConnectionLost},
      // FreeTDS's own numbers for a broken stream; SQL Server's replication messages have them,
      // too.
      {{"01000", 20017, ""}, ErrorClass::kConnectionLost, ErrorClass::kPermanent},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(Classify({one.record}, FreeTds(), false), one.by_freetds) << one.record.native;
    EXPECT_EQ(Classify({one.record}, Microsoft(), false), one.by_microsoft) << one.record.native;
    EXPECT_EQ(Classify({one.record}, Microsoft(), true), ErrorClass::kConnectionLost);
  }
  EXPECT_EQ(Classify({}, Microsoft(), false), ErrorClass::kConnectionLost);
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
      ErrorClass::kPermanent, FreeTds());
  EXPECT_EQ(status.message(), "read rows: Invalid object name 'x'. (error 208, SQLSTATE 42S02)");
  EXPECT_EQ(NativeErrorOf(status), 208);
  EXPECT_EQ(DiagnosticsOf(status).size(), 2);
  EXPECT_EQ(ClassOf(status), ErrorClass::kPermanent);
}

TEST(DiagnosticsTest, a_status_of_another_room_has_no_native_error) {
  const arrow::Status status = arrow::Status::Invalid("x");
  EXPECT_EQ(NativeErrorOf(status), 0);
  EXPECT_TRUE(DiagnosticsOf(status).empty());
}

TEST(DiagnosticsTest, an_error_of_our_own_can_go_away_by_itself) {
  EXPECT_EQ(ClassOf(TransientError("a replica that lags")), ErrorClass::kTransient);
}

TEST(LoginErrorTest, a_database_that_cannot_be_used_now_is_no_wrong_name_or_password) {
  ConnectOptions options;
  options.host = "listener";
  options.database = "Shop";
  for (const int native : {924, 927, 942, 976, 978, 983}) {
    const arrow::Status status = LoginError({{"42000", native, "The target database, 'Shop', …"},
                                             {"42000", 4060, "Cannot open database"},
                                             {"28000", 18456, "Login failed for user 'sa'."}},
                                            options, Microsoft(), {}, {});
    EXPECT_EQ(ClassOf(status), ErrorClass::kTransient) << native;
    EXPECT_EQ(NativeErrorOf(status), native);
    EXPECT_THAT(status.message(), HasSubstr("database 'Shop' on listener cannot be used now"));
    EXPECT_THAT(status.message(), HasSubstr("The target database"));
  }
}

TEST(LoginErrorTest, a_password_that_a_driver_repeats_is_not_shown) {
  ConnectOptions options;
  options.host = "db1";
  options.password = "s3cret";
  const arrow::Status status =
      LoginError({{"HY000", 0, "bad words: PWD=s3cret;"}}, options, FreeTds(), {}, {});
  EXPECT_THAT(status.ToString(), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace cdc::odbc

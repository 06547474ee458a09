#include "odbc/driver_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "odbc/encryption.h"

namespace cdc::odbc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const RegisteredDriver kFreeTds = {"FreeTDS", "libtdsodbc.so"};
const RegisteredDriver kMicrosoft17 = {"ODBC Driver 17 for SQL Server",
                                       "/opt/x/libmsodbcsql-17.10.so.6.1"};
const RegisteredDriver kMicrosoft18 = {"ODBC Driver 18 for SQL Server",
                                       "/opt/x/libmsodbcsql-18.6.so.2.1"};
const Encryption kLoginOnly = {.mode = Encryption::Mode::kLoginOnly, .verified = false};
const RegisteredDriver kPostgres = {"PostgreSQL", "psqlodbcw.so"};

std::string Chosen(std::string_view wanted, const std::vector<RegisteredDriver>& registered,
                   const std::vector<std::string>& unregistered = {}) {
  const auto chosen = ChooseDriver(wanted, registered, unregistered);
  return chosen.ok() ? chosen->name_or_path : chosen.status().message();
}

TEST(DriverLookupTest, auto_takes_the_newest_of_microsofts_then_freetds) {
  EXPECT_EQ(Chosen("auto", {kFreeTds, kMicrosoft17, kMicrosoft18}), kMicrosoft18.name);
  EXPECT_EQ(Chosen("auto", {kFreeTds, kMicrosoft17}), kMicrosoft17.name);
  EXPECT_EQ(Chosen("auto", {kPostgres, kFreeTds}), kFreeTds.name);
  EXPECT_EQ(Chosen("", {kPostgres}, {"/usr/lib/x/odbc/libtdsodbc.so"}),
            "/usr/lib/x/odbc/libtdsodbc.so");
}

TEST(DriverLookupTest, auto_without_any_driver_says_what_to_install) {
  EXPECT_THAT(Chosen("auto", {kPostgres}), HasSubstr("PostgreSQL"));
  EXPECT_THAT(Chosen("auto", {kPostgres}), HasSubstr("tdsodbc"));
  EXPECT_THAT(Chosen("auto", {}), HasSubstr("no ODBC driver is installed"));
}

TEST(DriverLookupTest, a_name_may_have_braces_as_in_env_files) {
  EXPECT_EQ(Chosen("{ODBC Driver 17 for SQL Server}", {kFreeTds, kMicrosoft17}), kMicrosoft17.name);
  EXPECT_EQ(Chosen("FreeTDS", {}, {"/usr/lib/x/odbc/libtdsodbc.so"}),
            "/usr/lib/x/odbc/libtdsodbc.so");
}

TEST(DriverLookupTest,
     a_driver_that_is_not_installed_is_an_error_with_the_package_and_what_is_there) {
  const std::string said = Chosen("{ODBC Driver 17 for SQL Server}", {kFreeTds, kPostgres});
  EXPECT_THAT(said, HasSubstr("'ODBC Driver 17 for SQL Server' is not installed"));
  EXPECT_THAT(said, HasSubstr("FreeTDS, PostgreSQL"));
  EXPECT_THAT(said, HasSubstr("msodbcsql17"));
}

TEST(DriverLookupTest, a_registered_driver_of_another_database_is_refused) {
  EXPECT_THAT(Chosen("PostgreSQL", {kPostgres}), HasSubstr("neither FreeTDS nor Microsoft's"));
  EXPECT_EQ(Chosen("My TDS", {{"My TDS", "/opt/lib/libtdsodbc.so.0"}}), "My TDS");
}

TEST(DriverLookupTest, the_path_of_a_library_must_exist_and_be_of_a_known_driver) {
  EXPECT_THAT(Chosen("/nowhere/libtdsodbc.so", {}), HasSubstr("no such file"));
  EXPECT_THAT(Chosen("/nowhere/libsqlite3odbc.so", {}), HasSubstr("neither"));
}

TEST(DriverProfileTest, the_connection_string_quotes_what_users_wrote) {
  ConnectOptions options;
  options.host = "db1";
  options.database = "My;Shop";
  options.user = "reader";
  options.password = "a}b;{c=d";
  const auto for_freetds =
      ConnectionString(*FindProfile("FreeTDS"), "FreeTDS", options, kLoginOnly);
  ASSERT_TRUE(for_freetds.ok());
  EXPECT_THAT(*for_freetds,
              HasSubstr("Driver={FreeTDS};Server=db1,1433;UID={reader};PWD={a}b;{c=d};"));
  EXPECT_THAT(*for_freetds, HasSubstr("ClientCharset=UTF-8;"));
  EXPECT_THAT(*for_freetds, HasSubstr("PacketSize=16000;"));
  const auto for_microsoft = ConnectionString(*FindProfile(kMicrosoft18.library),
                                              kMicrosoft18.library, options, kLoginOnly);
  ASSERT_TRUE(for_microsoft.ok());
  EXPECT_THAT(*for_microsoft, HasSubstr("Driver=/opt/x/libmsodbcsql-18.6.so.2.1;"));
  EXPECT_THAT(*for_microsoft, HasSubstr("PWD={a}}b;{c=d};Database={My;Shop};"));
  EXPECT_THAT(*for_microsoft, HasSubstr("ConnectRetryCount=0;"));
}

TEST(DriverProfileTest, a_password_that_freetds_cannot_be_told_is_refused_without_showing_it) {
  ConnectOptions options;
  options.host = "db1";
  options.password = "secret};more";
  const auto words = ConnectionString(*FindProfile("FreeTDS"), "FreeTDS", options, kLoginOnly);
  ASSERT_FALSE(words.ok());
  EXPECT_THAT(words.status().message(), HasSubstr("the password holds '};'"));
  EXPECT_THAT(words.status().message(), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace cdc::odbc

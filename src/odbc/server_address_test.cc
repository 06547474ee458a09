#include "odbc/server_address.h"

#include <gtest/gtest.h>

namespace cdc::odbc {
namespace {

TEST(ServerAddressTest, every_way_of_writing_an_address_gives_what_drivers_take) {
  const struct {
    const char* written;
    const char* for_driver;
  } cases[] = {
      {"db1", "db1,1433"},
      {"db1:1533", "db1,1533"},
      {"db1,1533", "db1,1533"},
      {" db1 , 1533 ", "db1,1533"},
      {"tcp:db1,1533", "db1,1533"},
      {"tcp:db1.example.com", "db1.example.com,1433"},
      {"10.0.0.7:1433", "10.0.0.7,1433"},
      {"::1", "::1,1433"},
      {"[::1]", "::1,1433"},
      {"[fe80::1]:1533", "fe80::1,1533"},
      {"::1,1533", "::1,1533"},
      {R"(db1\SALES)", R"(db1\SALES)"},
      {R"(db1\SALES,1533)", "db1,1533"},
      {".", "localhost,1433"},
      {"(local)", "localhost,1433"},
      {R"(.\SALES)", R"(localhost\SALES)"},
      {R"(tcp:(LOCAL)\SALES,1533)", "localhost,1533"},
  };
  for (const auto& one : cases) {
    const auto address = ServerAddress::Parse(one.written);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->DriverText(), one.for_driver) << one.written;
  }
}

TEST(ServerAddressTest, localhost_is_known_however_it_is_written) {
  for (const char* written : {"localhost", "LocalHost:1533", ".", "(Local)", R"(.\SALES)"}) {
    EXPECT_TRUE(ServerAddress::Parse(written)->IsLocalhost()) << written;
  }
  for (const char* written : {"127.0.0.1", "::1", "localhost.example", "vm", "localhost2"}) {
    EXPECT_FALSE(ServerAddress::Parse(written)->IsLocalhost()) << written;
  }
}

TEST(ServerAddressTest, what_is_no_address_is_refused) {
  for (const char* written : {"", ":1433", "db1:", "db1:x", "db1:0", "db1:65536", "db1;PWD=x",
                              "a{b}", "db1\\", "np:db1", "db 1", "db1,1433,1"}) {
    EXPECT_FALSE(ServerAddress::Parse(written).ok()) << written;
  }
}

}  // namespace
}  // namespace cdc::odbc

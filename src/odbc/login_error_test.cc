#include "odbc/login_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "odbc/driver_profile.h"

// What is made of the records that a failed login left, as both drivers were seen to leave them.

namespace cdc::odbc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k18 = "ODBC Driver 18 for SQL Server";
constexpr const char* k17 = "ODBC Driver 17 for SQL Server";
constexpr const char* kFreeTds = "FreeTDS";

ConnectOptions Options(const std::string& host, Encrypt encrypt) {
  ConnectOptions options;
  options.host = host;
  options.database = "Shop";
  options.user = "reader";
  options.password = "word";
  options.encrypt = encrypt;
  return options;
}

arrow::Status ErrorOf(const char* driver, const ConnectOptions& options,
                      std::vector<Diagnostic> records,
                      const std::optional<ServerTls>& seen = std::nullopt) {
  const DriverProfile& profile = *FindProfile(driver);
  return LoginError(std::move(records), options, profile,
                    DecideEncryption(profile, options).ValueOrDie(), seen);
}

TEST(LoginErrorTest, a_driver_that_looks_localhost_up_as_another_name_is_said_to_do_so) {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  for (const int native : {11001, 10057}) {
    const std::vector<Diagnostic> records = {{"HYT00", 0, "Login timeout expired"},
                                             {"08001", native, "TCP Provider: Error code"}};
    const std::string said =
        std::string("looks localhost up as the machine's own name, ") + name.data();
    EXPECT_THAT(ErrorOf(k17, Options("localhost", Encrypt::kYes), records).message(),
                HasSubstr(said));
    EXPECT_THAT(ErrorOf(k17, Options(".", Encrypt::kYes), records).message(), HasSubstr(said));
    // These dial 127.0.0.1, or what was written.
    EXPECT_THAT(ErrorOf(k17, Options("localhost", Encrypt::kNo), records).message(),
                Not(HasSubstr("looks localhost up")));
    EXPECT_THAT(ErrorOf(k18, Options("localhost", Encrypt::kYes), records).message(),
                Not(HasSubstr("looks localhost up")));
    EXPECT_THAT(ErrorOf(k17, Options("db1", Encrypt::kYes), records).message(),
                Not(HasSubstr("looks localhost up")));
    EXPECT_THAT(ErrorOf(kFreeTds, Options("localhost", Encrypt::kYes), records).message(),
                Not(HasSubstr("looks localhost up")));
  }
}

}  // namespace
}  // namespace cdc::odbc

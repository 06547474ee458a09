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

TEST(LoginErrorTest, a_database_that_cannot_be_used_now_is_no_wrong_name_or_password) {
  ConnectOptions options;
  options.host = "listener";
  options.database = "Shop";
  for (const int native : {924, 927, 942, 976, 978, 983}) {
    const arrow::Status status = LoginError({{"42000", native, "The target database, 'Shop', …"},
                                             {"42000", 4060, "Cannot open database"},
                                             {"28000", 18456, "Login failed for user 'sa'."}},
                                            options, *FindProfile(k18), {}, {});
    EXPECT_EQ(FaultOf(status).retry, Retry::kNextRound) << native;
    EXPECT_EQ(FaultOf(status).native, native);
    EXPECT_THAT(status.message(), HasSubstr("database 'Shop' on listener cannot be used now"));
    EXPECT_THAT(status.message(), HasSubstr("The target database"));
  }
}

TEST(LoginErrorTest, a_password_that_a_driver_repeats_is_not_shown) {
  ConnectOptions options;
  options.host = "db1";
  options.password = "s3cret";
  const arrow::Status status =
      LoginError({{"HY000", 0, "bad words: PWD=s3cret;"}}, options, *FindProfile(kFreeTds), {}, {});
  EXPECT_THAT(status.ToString(), Not(HasSubstr("s3cret")));
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

const std::vector<Diagnostic> kFreeTdsCut = {{"08001", 0, "Unable to connect to data source"},
                                             {"01000", 20017, "Unexpected EOF from the server"},
                                             {"01000", 20002, "Adaptive Server connection failed"}};
const std::vector<Diagnostic> kFreeTdsReset = {
    {"08001", 0, "Unable to connect to data source"},
    {"01000", 20002, "Adaptive Server connection failed"}};
const std::vector<Diagnostic> kMicrosoftCut = {
    {"08001", 26, "Client unable to establish connection"},
    {"08001", 10054, "TCP Provider: Error code 0x2746"},
    {"08001", 10054,
     "Client unable to establish connection. For solutions related to encryption errors, see …"}};
const std::vector<Diagnostic> kMicrosoftStrictCut = {
    {"08001", -1, "SSL Provider: Error code 0xFFFFFFFF"},
    {"08001", -1, "Client unable to establish connection"}};

// What the server showed when it was looked at.
ServerTls Fine() {
  ServerTls seen;
  seen.offered = true;
  seen.for_host = true;
  return seen;
}
ServerTls SelfSigned() {
  ServerTls seen = Fine();
  seen.distrust = "self-signed certificate";
  return seen;
}
ServerTls Failed(const std::string& why) {
  ServerTls seen;
  seen.offered = true;
  seen.failure = why;
  return seen;
}
ServerTls HungUp() {
  ServerTls seen = Failed("the server hung up");
  seen.hung_up = true;
  return seen;
}

void ExpectLost(const arrow::Status& status) {
  EXPECT_EQ(FaultOf(status).retry, Retry::kAfterReconnect) << status;
  EXPECT_THAT(status.message(), Not(HasSubstr("offers no TLS")));
  EXPECT_THAT(status.message(), Not(HasSubstr("not trusted")));
  EXPECT_THAT(status.message(), Not(HasSubstr("does not speak")));
}

TEST(LoginErrorTest, a_login_that_was_cut_is_a_lost_connection_and_nothing_of_tls) {
  const ConnectOptions clear = Options("db1", Encrypt::kNo);
  for (const auto& records : {kFreeTdsCut, kFreeTdsReset}) {
    ExpectLost(ErrorOf(kFreeTds, clear, records, ServerTls{}));  // it has no TLS
    ExpectLost(ErrorOf(kFreeTds, clear, records, SelfSigned()));
    ExpectLost(ErrorOf(kFreeTds, clear, records, Fine()));
    ExpectLost(ErrorOf(kFreeTds, clear, records));  // gone when it was looked at
    for (const Encrypt encrypt : {Encrypt::kAuto, Encrypt::kYes}) {
      ExpectLost(ErrorOf(kFreeTds, Options("db1", encrypt), records, Fine()));
      ExpectLost(ErrorOf(kFreeTds, Options("db1", encrypt), records));
    }
    EXPECT_THAT(ErrorOf(kFreeTds, clear, records).message(),
                HasSubstr("db1 ended the connection during the login"));
  }
  for (const Encrypt encrypt : {Encrypt::kAuto, Encrypt::kYes, Encrypt::kNo, Encrypt::kStrict}) {
    const arrow::Status cut = ErrorOf(k18, Options("db1", encrypt), kMicrosoftCut);
    ExpectLost(cut);
    EXPECT_THAT(cut.message(), HasSubstr("db1 ended the connection during the login"));
  }
  const ConnectOptions strict = Options("db1", Encrypt::kStrict);
  ExpectLost(ErrorOf(k18, strict, kMicrosoftStrictCut, Fine()));
  ExpectLost(ErrorOf(k18, strict, kMicrosoftStrictCut));
  EXPECT_THAT(ErrorOf(k18, strict, kMicrosoftStrictCut, Fine()).message(),
              HasSubstr("db1 ended the connection during the login"));
}

TEST(LoginErrorTest, a_server_that_hangs_up_on_tls_may_come_back) {
  ExpectLost(ErrorOf(kFreeTds, Options("db1", Encrypt::kYes), kFreeTdsReset, HungUp()));
  ExpectLost(ErrorOf(k18, Options("db1", Encrypt::kStrict), kMicrosoftCut, HungUp()));
  EXPECT_THAT(ErrorOf(kFreeTds, Options("db1", Encrypt::kYes), kFreeTdsReset, HungUp()).message(),
              HasSubstr("TLS with db1 failed: the server hung up"));
}

TEST(LoginErrorTest, what_the_server_shows_of_its_tls_is_for_people_to_mend) {
  const auto expect = [](const char* driver, Encrypt encrypt, std::vector<Diagnostic> records,
                         const ServerTls& seen, const char* said) {
    const arrow::Status status = ErrorOf(driver, Options("db1", encrypt), std::move(records), seen);
    EXPECT_EQ(FaultOf(status).retry, Retry::kWhenSomebodyActs) << status;
    EXPECT_THAT(status.message(), HasSubstr(said));
  };
  expect(kFreeTds, Encrypt::kYes, kFreeTdsReset, ServerTls{}, "db1 offers no TLS");
  expect(kFreeTds, Encrypt::kYes, kFreeTdsReset, SelfSigned(), "is not trusted");
  ServerTls old = HungUp();
  old.older = true;
  expect(k18, Encrypt::kStrict, kMicrosoftCut, old, "db1 does not speak TDS 8");
  const std::vector<Diagnostic> refused = {
      {"08001", -1, "SSL Provider: [error:0A000102:SSL routines::unsupported protocol]"}};
  expect(k18, Encrypt::kYes, refused, Failed("unsupported protocol"),
         "TLS with db1 failed: unsupported protocol");
  expect(k18, Encrypt::kYes, refused, Fine(), "TLS with db1 failed");
}

TEST(LoginErrorTest, a_login_that_is_refused_reaches_all_that_would_go_over_the_connection) {
  ConnectOptions options;
  options.host = "db1";
  options.database = "Shop";
  const struct {
    Diagnostic record;
    Retry retry;
    Reach reach;
  } cases[] = {
      {{"28000", 18456, "Login failed"}, Retry::kWhenSomebodyActs, Reach::kConnection},
      {{"42000", 4060, "Cannot open database"}, Retry::kWhenSomebodyActs, Reach::kConnection},
      {{"28000", 18487, "password expired"}, Retry::kWhenSomebodyActs, Reach::kConnection},
      {{"IM002", 0, "Can't open lib"}, Retry::kWhenSomebodyActs, Reach::kConnection},
      {{"08001", 11001, "Name or service not known"}, Retry::kAfterReconnect, Reach::kConnection},
      {{"08001", 10061, "refused"}, Retry::kAfterReconnect, Reach::kConnection},
      {{"HYT00", 0, "Login timeout expired"}, Retry::kAfterReconnect, Reach::kConnection},
      {{"08S01", 104, "reset"}, Retry::kAfterReconnect, Reach::kConnection},
      // It asks for patience, and reaches no further than whoever wanted the connection.
      {{"42000", 927, "being restored"}, Retry::kNextRound, Reach::kTable},
  };
  for (const auto& one : cases) {
    const arrow::Status status = LoginError({one.record}, options, *FindProfile(k18), {}, {});
    EXPECT_EQ(FaultOf(status).retry, one.retry) << status;
    EXPECT_EQ(FaultOf(status).reach, one.reach) << status;
  }
}

}  // namespace
}  // namespace cdc::odbc

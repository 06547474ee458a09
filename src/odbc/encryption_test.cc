#include "odbc/encryption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "odbc/driver_profile.h"
#include "odbc/extra_words.h"
#include "odbc/tls_environment.h"

// What the settings become for each driver: pure texts, no server.

namespace cdc::odbc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* k18 = "ODBC Driver 18 for SQL Server";
constexpr const char* k17 = "ODBC Driver 17 for SQL Server";
constexpr const char* kFreeTds = "FreeTDS";

ConnectOptions Options(Encrypt encrypt) {
  ConnectOptions options;
  options.host = "db1";
  options.database = "Shop";
  options.user = "reader";
  options.password = "word";
  options.encrypt = encrypt;
  return options;
}

// The connection string, or what was said against it.
std::string Words(const char* driver, const ConnectOptions& options) {
  const DriverProfile& profile = *FindProfile(driver);
  const auto encryption = DecideEncryption(profile, options);
  if (!encryption.ok()) return encryption.status().message();
  const auto words = ConnectionString(profile, driver, options, *encryption);
  return words.ok() ? *words : words.status().message();
}

TEST(EncryptionTest, each_driver_is_told_in_its_own_words) {
  const struct {
    const char* driver;
    Encrypt encrypt;
    const char* words;
  } cases[] = {
      {k18, Encrypt::kAuto, ";Encrypt=yes;TrustServerCertificate=no;"},
      {k18, Encrypt::kYes, ";Encrypt=yes;TrustServerCertificate=no;"},
      {k18, Encrypt::kNo, ";Encrypt=no;TrustServerCertificate=no;"},
      {k18, Encrypt::kStrict, ";Encrypt=strict;TrustServerCertificate=no;"},
      {k17, Encrypt::kAuto, ";Encrypt=yes;TrustServerCertificate=no;"},
      {k17, Encrypt::kYes, ";Encrypt=yes;TrustServerCertificate=no;"},
      {k17, Encrypt::kNo, ";Encrypt=no;TrustServerCertificate=no;"},
      {k17, Encrypt::kStrict, "cannot encrypt = strict (TDS 8); Microsoft's ODBC Driver 18 can"},
      {kFreeTds, Encrypt::kAuto, ";Encryption=require;"},
      {kFreeTds, Encrypt::kYes, ";Encryption=require;"},
      {kFreeTds, Encrypt::kNo, ";Encryption=request;"},
      {kFreeTds, Encrypt::kStrict, "cannot encrypt = strict (TDS 8)"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(Words(one.driver, Options(one.encrypt)), HasSubstr(one.words)) << one.driver;
  }
}

TEST(EncryptionTest, a_certificate_is_taken_unverified_only_when_that_is_asked) {
  for (const Encrypt encrypt : {Encrypt::kAuto, Encrypt::kYes}) {
    ConnectOptions options = Options(encrypt);
    options.trust_server_certificate = true;
    for (const char* driver : {k18, k17}) {
      EXPECT_THAT(Words(driver, options), HasSubstr("Encrypt=yes;TrustServerCertificate=yes;"));
    }
    EXPECT_THAT(Words(kFreeTds, options), HasSubstr("Server=db1,1433;"));
    EXPECT_THAT(Words(kFreeTds, options), HasSubstr("Encryption=require;"));
    for (const char* driver : {k18, k17, kFreeTds}) {
      const auto encryption = DecideEncryption(*FindProfile(driver), options).ValueOrDie();
      EXPECT_FALSE(encryption.Security(options).verified);
      EXPECT_TRUE(encryption.Security(options).encrypted);
      EXPECT_FALSE(encryption.or_clear);
    }
  }
}

TEST(EncryptionTest, freetds_verifies_through_its_configuration_file) {
  ConnectOptions options = Options(Encrypt::kAuto);
  EXPECT_THAT(Words(kFreeTds, options), HasSubstr("Server=db1,1433;"));
  options.ca_file = "/etc/ca.pem";
  EXPECT_THAT(Words(kFreeTds, options), HasSubstr("Servername=cdc-to-s3;"));
  EXPECT_THAT(Words(kFreeTds, options), Not(HasSubstr("Server=")));
  EXPECT_THAT(Words(kFreeTds, Options(Encrypt::kYes)), HasSubstr("Servername=cdc-to-s3;"));

  const auto named = ServerAddress::Parse("db1:1533").ValueOrDie();
  EXPECT_EQ(FreeTdsConfiguration(named, "/x/ca"),
            "[cdc-to-s3]\nhost = db1\nport = 1533\nca file = /x/ca\ncheck certificate hostname = "
            "yes\nencryption = require\ntds version = 7.4\n");
  const auto instance = ServerAddress::Parse("db1\\SALES").ValueOrDie();
  EXPECT_THAT(FreeTdsConfiguration(instance, "system"), HasSubstr("\ninstance = SALES\n"));
  EXPECT_THAT(FreeTdsConfiguration(instance, "system"), Not(HasSubstr("port =")));
}

TEST(EncryptionTest, only_auto_of_freetds_goes_on_in_clear_where_there_is_no_tls) {
  for (const char* driver : {k18, k17, kFreeTds}) {
    for (const Encrypt encrypt : {Encrypt::kAuto, Encrypt::kYes, Encrypt::kNo}) {
      ConnectOptions options = Options(encrypt);
      const DriverProfile& profile = *FindProfile(driver);
      EXPECT_EQ(DecideEncryption(profile, options)->or_clear,
                encrypt == Encrypt::kAuto && driver == kFreeTds);
      options.ca_file = "/etc/ca.pem";
      EXPECT_FALSE(DecideEncryption(profile, options)->or_clear);
      EXPECT_EQ(DecideEncryption(profile, options)->verified, encrypt != Encrypt::kNo);
    }
  }
}

TEST(EncryptionTest, settings_that_contradict_each_other_are_refused) {
  ConnectOptions options = Options(Encrypt::kStrict);
  options.trust_server_certificate = true;
  EXPECT_THAT(Words(k18, options), HasSubstr("strict always verifies"));
  options.encrypt = Encrypt::kYes;
  options.ca_file = "/etc/ca.pem";
  EXPECT_THAT(Words(k18, options), HasSubstr("contradict each other"));
}

TEST(ConnectionStringTest, intent_and_failover_are_passed_on_where_the_driver_has_them) {
  ConnectOptions options = Options(Encrypt::kNo);
  for (const char* driver : {k18, k17, kFreeTds}) {
    EXPECT_THAT(Words(driver, options), Not(HasSubstr("ApplicationIntent")));
  }
  options.read_only_intent = true;
  for (const char* driver : {k18, k17, kFreeTds}) {
    EXPECT_THAT(Words(driver, options), HasSubstr("ApplicationIntent=ReadOnly;"));
  }
  options.multi_subnet_failover = true;
  EXPECT_THAT(Words(k18, options), HasSubstr("MultiSubnetFailover=yes;"));
  EXPECT_THAT(Words(kFreeTds, options), HasSubstr("FreeTDS cannot multi_subnet_failover"));
}

TEST(ConnectionStringTest, every_form_of_a_host_reaches_the_driver) {
  for (const char* driver : {k18, k17, kFreeTds}) {
    for (const auto& [host, words] : {std::pair{"db1", "Server=db1,1433;"},
                                      {"db1:1533", "Server=db1,1533;"},
                                      {"tcp:db1,1533", "Server=db1,1533;"},
                                      {"db1\\SALES", "Server=db1\\SALES;"},
                                      {"[::1]:1433", "Server=::1,1433;"}}) {
      ConnectOptions options = Options(Encrypt::kNo);
      options.host = host;
      EXPECT_THAT(Words(driver, options), HasSubstr(words));
    }
  }
}

// Microsoft's driver would look it up as the machine's own name.
TEST(ConnectionStringTest, localhost_is_what_everybody_means_by_it) {
  for (const char* host : {"localhost", "LOCALHOST", ".", "(local)"}) {
    for (const Encrypt encrypt : {Encrypt::kAuto, Encrypt::kYes, Encrypt::kNo, Encrypt::kStrict}) {
      ConnectOptions options = Options(encrypt);
      options.host = host;
      EXPECT_THAT(Words(k18, options), HasSubstr("Server=127.0.0.1,1433;"));
      EXPECT_THAT(Words(k18, options), ::testing::ContainsRegex(";HostNameInCertificate=[Ll]"));
    }
    ConnectOptions options = Options(Encrypt::kNo);
    options.host = host;
    EXPECT_THAT(Words(kFreeTds, options), ::testing::ContainsRegex("Server=[Ll][Oo][Cc]"));
  }
  ConnectOptions options = Options(Encrypt::kYes);
  options.host = "localhost\\SALES";
  EXPECT_THAT(Words(k18, options), HasSubstr("Server=127.0.0.1\\SALES;"));
  options.odbc_options = "hostnameincertificate=db1.example";
  EXPECT_THAT(Words(k18, options), HasSubstr("Server=127.0.0.1\\SALES;"));
  EXPECT_THAT(Words(k18, options), Not(HasSubstr("HostNameInCertificate=localhost")));
  options.host = "db1";
  options.odbc_options = "";
  EXPECT_THAT(Words(k18, options), Not(HasSubstr("HostNameInCertificate")));
}

TEST(ConnectionStringTest, a_driver_without_a_word_for_the_name_keeps_a_name_that_is_verified) {
  ConnectOptions options = Options(Encrypt::kYes);
  options.host = "localhost";
  EXPECT_THAT(Words(k17, options), HasSubstr("Server=localhost,1433;"));
  options.trust_server_certificate = true;
  EXPECT_THAT(Words(k17, options), HasSubstr("Server=127.0.0.1,1433;"));
  EXPECT_THAT(Words(k17, options), Not(HasSubstr("HostNameInCertificate")));
}

TEST(ExtraWordsTest, the_operators_words_come_last_and_as_they_are) {
  ConnectOptions options = Options(Encrypt::kYes);
  options.odbc_options = "HostNameInCertificate=db1.example; WSID={a;b}}c}";
  const std::string words = Words(k18, options);
  EXPECT_TRUE(words.ends_with(options.odbc_options)) << words;
  EXPECT_THAT(words, HasSubstr("PacketSize=16000;"));
  options.odbc_options = "packetsize=4096;APP=mine";
  EXPECT_THAT(Words(kFreeTds, options), Not(HasSubstr("PacketSize=16000")));
  EXPECT_THAT(Words(kFreeTds, options), Not(HasSubstr("APP={")));
  EXPECT_THAT(Words(k18, options), StartsWith("Driver={ODBC Driver 18 for SQL Server};"));
}

TEST(ExtraWordsTest, words_that_would_undermine_the_program_are_refused_with_the_reason) {
  const struct {
    const char* text;
    const char* said;
  } cases[] = {
      {"UID=sa", "may not hold UID: set source.user"},
      {"pwd={x;y}", "may not hold pwd"},
      {"WSID=a;Driver=/tmp/evil.so", "may not hold Driver: set source.driver"},
      {"WSID={a};Server=db2", "may not hold Server: set source.host"},
      {"MARS_Connection=yes", "results are read one at a time"},
      {"ConnectRetryCount=3", "may mix two replicas"},
      {" Encrypt = no", "set source.encrypt"},
      {"TrustServerCertificate=yes", "set source.trust_server_certificate"},
      {"AutoTranslate=no", "values would be changed"},
      {"DumpFile=/tmp/tds.log", "may not hold DumpFile: FreeTDS would write the password"},
      {"dumpfileappend=1;WSID=a", "FreeTDS would write the password"},
      {"WSID=a;DebugFlags=0xffff", "FreeTDS would write the password"},
      {"fast", "a word without its ="},
      {"a;b=c", "a word without its ="},
      {"WSID={a", "a { has no }"},
      {"WSID={a}b;UID=sa", "text behind a }"},
  };
  for (const char* driver : {k18, k17, kFreeTds}) {
    for (const auto& one : cases) {
      ConnectOptions options = Options(Encrypt::kYes);
      options.odbc_options = one.text;
      const std::string words = Words(driver, options);
      EXPECT_THAT(words, StartsWith("source.odbc_options")) << one.text;
      EXPECT_THAT(words, HasSubstr(one.said)) << one.text;
    }
  }
}

TEST(ExtraWordsTest, freetds_is_not_used_while_it_dumps_what_it_sends) {
  const DriverProfile& free_tds = *FindProfile(kFreeTds);
  for (const char* name : {"TDSDUMP", "TDSDUMPCONFIG"}) {
    ASSERT_EQ(setenv(name, "/tmp/tds.log", 1), 0);
    EXPECT_THAT(RefuseDump(free_tds).message(), HasSubstr(std::string("unset ") + name));
    EXPECT_TRUE(RefuseDump(*FindProfile(k18)).ok());
    ASSERT_EQ(setenv(name, "", 1), 0);
    EXPECT_TRUE(RefuseDump(free_tds).ok());
    ASSERT_EQ(unsetenv(name), 0);
  }
}

TEST(ExtraWordsTest, a_word_that_freetds_would_pass_over_is_refused) {
  ConnectOptions options = Options(Encrypt::kYes);
  options.odbc_options = "HostNameInCertificate=db1.example";
  EXPECT_THAT(Words(kFreeTds, options),
              HasSubstr("FreeTDS does not know HostNameInCertificate and would pass over it"));
}

}  // namespace
}  // namespace cdc::odbc

#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace cdc::config {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A working directory with the files of a test.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    umask(022);  // settings that others may write are refused
    std::string name = (fs::temp_directory_path() / "config-test-XXXXXX").string();
    inputs_.folder = mkdtemp(name.data());
  }
  ~ConfigTest() override { fs::remove_all(inputs_.folder); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = inputs_.folder + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  Config Good() { return Load(inputs_).ValueOrDie(); }
  std::string Error() { return Load(inputs_).status().message(); }

  Inputs inputs_;
};

TEST_F(ConfigTest, the_env_file_of_the_original_script_is_enough_to_run) {
  File(".env",
       "SQL_SERVER_HOST=db1\nSQL_SERVER_DATABASE=AdventureWorks\nSQL_SERVER_USER=cdc_reader\n"
       "SQL_SERVER_PASSWORD='p#ss word'\nSQL_SERVER_DRIVER={ODBC Driver 17 for SQL Server}\n"
       "AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=secret\nAWS_REGION=eu-central-1\n"
       "S3_BUCKET=lake\n");
  const Config config = Good();
  EXPECT_EQ(config.source.host, "db1");
  EXPECT_EQ(config.source.database, "AdventureWorks");
  EXPECT_EQ(config.source.user, "cdc_reader");
  EXPECT_EQ(config.source.password, "p#ss word");
  EXPECT_EQ(config.source.driver, "{ODBC Driver 17 for SQL Server}");
  EXPECT_EQ(config.target.access_key_id, "AKIA");
  EXPECT_EQ(config.target.secret_access_key, "secret");
  EXPECT_EQ(config.target.region, "eu-central-1");
  EXPECT_EQ(config.target.url, "s3://lake");
  EXPECT_TRUE(Validate(config).ok()) << Validate(config);
  EXPECT_EQ(config.origins.at("source.host"), ".env line 1");
  EXPECT_EQ(config.origins.at("run.interval"), "default");
}

TEST_F(ConfigTest, flags_win_over_environment_over_env_file_over_toml) {
  File("cdc-to-s3.toml", "[source]\nhost = \"toml\"\n");
  EXPECT_EQ(Good().source.host, "toml");
  EXPECT_EQ(Good().origins.at("source.host"), "cdc-to-s3.toml line 2");
  File(".env", "CDC_SOURCE_HOST=dotenv\n");
  EXPECT_EQ(Good().source.host, "dotenv");
  inputs_.environment["SQL_SERVER_HOST"] = "environment";
  EXPECT_EQ(Good().source.host, "environment");
  EXPECT_EQ(Good().origins.at("source.host"), "environment SQL_SERVER_HOST");
  inputs_.flags["source.host"] = "flag";
  EXPECT_EQ(Good().source.host, "flag");
  EXPECT_EQ(Good().origins.at("source.host"), "flag --host");
}

TEST_F(ConfigTest, of_several_names_the_programs_own_comes_first) {
  inputs_.environment = {{"AWS_DEFAULT_REGION", "c"}, {"AWS_REGION", "b"}};
  EXPECT_EQ(Good().target.region, "b");
  inputs_.environment["CDC_TARGET_REGION"] = "a";
  EXPECT_EQ(Good().target.region, "a");
}

TEST_F(ConfigTest, an_empty_value_counts_as_not_set) {
  File("cdc-to-s3.toml", "[target]\nregion = \"eu-west-1\"\nendpoint = \"\"\n");
  inputs_.environment = {{"AWS_REGION", ""}, {"CDC_RUN_INTERVAL", ""}};
  EXPECT_EQ(Good().target.region, "eu-west-1");
  EXPECT_EQ(Good().run.interval.count(), 60'000);
}

TEST_F(ConfigTest, every_key_can_be_set_in_toml) {
  inputs_.toml_path =
      File("my.toml",
           "[source]\non_gap = \"continue\"\non_replace = \"follow\"\nlock_timeout = \"2s\"\n"
           "start = \"0000002A000001F00004\"\n"
           "[target]\nurl = \"file:///data/lake\"\npath_style = true\n"
           "path = \"{database}/{schema}/{table}/{date}\"\n"
           "[run]\ninterval = \"1m30s\"\nmax_object_rows = 1_000\n"
           "max_object_bytes = \"64MB\"\nmax_value_bytes = 1048576\n");
  const Config config = Good();
  EXPECT_EQ(config.source.on_gap, OnGap::kContinue);
  EXPECT_EQ(config.source.on_replace, OnReplace::kFollow);
  EXPECT_EQ(config.source.lock_timeout.count(), 2000);
  EXPECT_EQ(config.target.url, "file:///data/lake");
  EXPECT_TRUE(config.target.path_style);
  EXPECT_EQ(config.run.interval.count(), 90'000);
  EXPECT_EQ(config.run.max_object_rows, 1000);
  EXPECT_EQ(config.run.max_object_bytes, 64'000'000);
  EXPECT_EQ(config.run.max_value_bytes, 1 << 20);
}

TEST_F(ConfigTest, every_default_reads_back_as_itself) {
  for (const KeyHelp& key : AllKeys()) {
    if (key.default_text.empty()) continue;
    inputs_.environment = {{key.environment.front(), key.default_text}};
    EXPECT_TRUE(Load(inputs_).ok()) << Error();
  }
}

TEST_F(ConfigTest, an_unknown_name_is_an_error_that_names_the_nearest_one) {
  File("cdc-to-s3.toml", "[run]\n\nintervall = \"60s\"\n");
  EXPECT_EQ(Error(),
            "cdc-to-s3.toml line 3: unknown key run.intervall; did you mean run.interval?");
  File("cdc-to-s3.toml", "host = \"db1\"\n");
  EXPECT_THAT(Error(), HasSubstr("line 1: unknown key host; did you mean source.host?"));
  File("cdc-to-s3.toml", "[sorce]\nuser = \"u\"\n");
  EXPECT_THAT(Error(), HasSubstr("unknown key sorce.user; did you mean source.user?"));
  File("cdc-to-s3.toml", "");
  File(".env", "OTHER=1\nCDC_SOURCE_HSOT=db1\n");
  EXPECT_EQ(Error(), ".env line 2: unknown setting CDC_SOURCE_HSOT; did you mean CDC_SOURCE_HOST?");
  File(".env", "");
  inputs_.environment = {{"CDC_TARGET_BUCKET_URL", "x"}};
  EXPECT_EQ(Error(),
            "environment CDC_TARGET_BUCKET_URL: unknown setting; did you mean CDC_TARGET_URL?");
  inputs_.environment.clear();
  inputs_.flags["source.hst"] = "x";
  EXPECT_THAT(Error(), HasSubstr("did you mean source.host?"));
}

TEST_F(ConfigTest, names_of_others_are_left_alone) {
  inputs_.environment = {{"HOME", "/root"},
                         {"CDC_TO_S3_SERVICE_HOST", "10.0.0.1"},
                         {"CDC_TO_S3_PORT", "tcp://10.0.0.1:9464"},
                         {"CDC_TO_S3_PORT_9464_TCP_ADDR", "10.0.0.1"},
                         {"CDC_CRASH_AT", "put:1"}};
  EXPECT_TRUE(Load(inputs_).ok()) << Error();
  inputs_.environment = {{"CDC_SOURCE_PORT", "1433"}};
  EXPECT_THAT(Error(), HasSubstr("CDC_SOURCE_PORT: unknown setting"));
}

TEST_F(ConfigTest, a_wrong_value_is_told_with_its_key_and_its_place) {
  const std::pair<std::pair<const char*, const char*>, const char*> cases[] = {
      {{"CDC_RUN_INTERVAL", "60"}, "write 60s for seconds"},
      {{"CDC_RUN_INTERVAL", "99ms"}, "99ms is outside 100ms to 1d"},
      {{"CDC_RUN_MAX_OBJECT_ROWS", "0"}, "0 is outside 1 to 1000000000"},
      {{"CDC_RUN_MAX_OBJECT_ROWS", "many"}, "\"many\" is not a whole number"},
      {{"CDC_RUN_MAX_OBJECT_BYTES", "5GiB"}, "5GiB is outside 64KiB to 4GiB"},
      {{"CDC_RUN_MAX_OBJECT_BYTES", "128M"}, "is not a size"},
      {{"CDC_RUN_LOG_LEVEL", "loud"}, "debug, info, warn or error"},
      {{"CDC_SOURCE_ON_GAP", "skip"}, "stop or continue"},
      {{"CDC_SOURCE_START", "yesterday"}, "oldest, now, a time (2025-01-09T14:30:00Z) or an LSN"},
      {{"CDC_TARGET_URL", "lake"}, "s3://<bucket>/<prefix> or file:///<folder>"},
      {{"CDC_TARGET_STATE", "s3://other"}, "file:///<folder>"},
      {{"CDC_TARGET_ENDPOINT", "localhost:9000"}, "write http://localhost:9000"},
      {{"CDC_TARGET_PATH_STYLE", "on"}, "true or false"},
      {{"CDC_TARGET_PATH", "{database}/{tabel}"},
       "unknown placeholder {tabel}; did you mean {table}?"},
      {{"CDC_TARGET_PATH", "{database}/cdc"}, "lacks {table}"},
      {{"CDC_TARGET_PATH", "/{table}"}, "not a relative path"},
      {{"CDC_TARGET_PATH", "{table"}, "brace without its partner"}};
  for (const auto& [variable, message] : cases) {
    inputs_.environment = {variable};
    EXPECT_THAT(Error(), AllOf(HasSubstr(message),
                               HasSubstr(std::string("environment ") + variable.first + ": ")));
  }
}

TEST_F(ConfigTest, a_wrong_type_in_toml_is_told_with_its_line) {
  const std::pair<const char*, const char*> cases[] = {
      {"[source]\nhost = 5\n", "line 2: source.host must be a text in quotes"},
      {"[run]\nmax_object_rows = \"5\"\n", "line 2: run.max_object_rows must be a whole number"},
      {"[run]\ninterval = 60\n", "line 2: run.interval: \"60\" has no unit: write 60s"},
      {"[run]\ninterval = 1.5\n", "line 2: run.interval must be a text like \"60s\""},
      {"[target]\npath_style = \"yes\"\n", "target.path_style must be true or false"},
      {"[run]\n\ninterval = \n", "cdc-to-s3.toml line 3: "}};
  for (const auto& [text, message] : cases) {
    File("cdc-to-s3.toml", text);
    EXPECT_THAT(Error(), HasSubstr(message));
  }
  inputs_.toml_path = inputs_.folder + "/missing.toml";
  EXPECT_THAT(Error(), HasSubstr("missing.toml: cannot be read: No such file"));
}

TEST_F(ConfigTest, secrets_are_refused_where_others_can_read_them) {
  File("cdc-to-s3.toml", "[source]\npassword = \"hunter2\"\n");
  EXPECT_THAT(Error(), AllOf(HasSubstr("cdc-to-s3.toml line 2"), HasSubstr("SQL_SERVER_PASSWORD"),
                             HasSubstr("password_file"), Not(HasSubstr("hunter2"))));
  File("cdc-to-s3.toml", "");
  inputs_.flags["target.secret_access_key"] = "hunter2";
  EXPECT_THAT(Error(), AllOf(HasSubstr("AWS_SECRET_ACCESS_KEY"), Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigTest, secrets_are_never_described) {
  inputs_.environment = {{"SQL_SERVER_PASSWORD", "hunter2"},
                         {"AWS_SECRET_ACCESS_KEY", "hunter3"},
                         {"AWS_SESSION_TOKEN", "hunter4"},
                         {"SQL_SERVER_HOST", "db1"}};
  const std::string text = Describe(Good());
  EXPECT_THAT(text, Not(HasSubstr("hunter")));
  EXPECT_THAT(text, HasSubstr("source.password = ***  (environment SQL_SERVER_PASSWORD)\n"));
  EXPECT_THAT(text, HasSubstr("source.host = db1  (environment SQL_SERVER_HOST)\n"));
  EXPECT_THAT(text, HasSubstr("run.max_object_bytes = 128MiB  (default)\n"));
}

TEST_F(ConfigTest, secrets_in_places_of_something_else_are_not_shown) {
  inputs_.environment = {{"CDC_SOURCE_ODBC_OPTIONS", "APP=etl;ClientKey=hunter2"}};
  EXPECT_THAT(Describe(Good()), HasSubstr("source.odbc_options = APP=etl;ClientKey=***  ("));
  const std::pair<const char*, const char*> wrong[] = {
      {"SQL_SERVER_HOST", "db1;UID=sa;PWD=hunter2"},
      {"SQL_SERVER_HOST", "sa:hunter2@db1"},
      {"SQL_SERVER_DRIVER", "{ODBC Driver 18 for SQL Server};PWD=hunter2"},
      {"CDC_TARGET_URL", "s3://AKIA:hunter2@lake/raw"},
      {"CDC_TARGET_URL", "https://lake.s3.amazonaws.com/raw?X-Amz-Signature=hunter2"},
      {"S3_BUCKET", "AKIA:hunter2@lake"},
      {"AWS_ENDPOINT_URL_S3", "https://AKIA:hunter2@minio:9000"},
      {"AWS_ENDPOINT_URL", "AKIA:hunter2@minio:9000"},
  };
  for (const auto& [name, text] : wrong) {
    inputs_.environment = {{name, text}};
    EXPECT_THAT(Error(), AllOf(HasSubstr(std::string("environment ") + name), HasSubstr("***"),
                               Not(HasSubstr("hunter2"))));
  }
}

TEST_F(ConfigTest, the_password_may_be_in_a_file_of_its_own) {
  File("secret", "p#ss word\r\nsecond line\n");
  inputs_.environment = {{"CDC_SOURCE_PASSWORD_FILE", "secret"}};
  EXPECT_EQ(Good().source.password, "p#ss word");
  EXPECT_EQ(Good().origins.at("source.password"), "file secret");
  inputs_.environment["SQL_SERVER_PASSWORD"] = "direct";
  EXPECT_EQ(Good().source.password, "direct") << "at the same rank the password itself counts";
  inputs_.flags["source.password_file"] = inputs_.folder + "/secret";
  EXPECT_EQ(Good().source.password, "p#ss word") << "a flag is above the environment";
  inputs_.flags["source.password_file"] = "missing";
  EXPECT_THAT(Error(), AllOf(HasSubstr("flag --password-file"), HasSubstr("No such file")));
}

TEST_F(ConfigTest, the_listeners_token_is_a_secret_like_the_others) {
  File("listen.token", "0123456789abcdef\n");
  File("cdc-to-s3.toml", "[run]\nlisten_token_file = \"listen.token\"\n");
  EXPECT_EQ(Good().run.listen_token, "0123456789abcdef");
  EXPECT_THAT(Describe(Good()), HasSubstr("run.listen_token = ***  (file listen.token)\n"));
  inputs_.environment = {{"CDC_RUN_LISTEN_TOKEN", "too-short"}};
  EXPECT_THAT(Error(), AllOf(HasSubstr("environment CDC_RUN_LISTEN_TOKEN: run.listen_token has 9"),
                             HasSubstr("openssl rand"), Not(HasSubstr("too-short"))));
  File("cdc-to-s3.toml", "[run]\nlisten_token = \"hunter2\"\n");
  EXPECT_THAT(Error(), AllOf(HasSubstr("CDC_RUN_LISTEN_TOKEN"),
                             HasSubstr("[run] listen_token_file"), Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigTest, a_bucket_becomes_a_url_with_its_prefix) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"lake", "", "s3://lake"},
      {"lake", "/raw/", "s3://lake/raw"},
      {"s3://lake/deep/", "", "s3://lake/deep"},
      {"s3://lake", "raw/x", "s3://lake/raw/x"}};
  for (const auto& [bucket, prefix, url] : cases) {
    inputs_.environment = {{"S3_BUCKET", bucket}, {"S3_PREFIX", prefix}};
    EXPECT_EQ(Good().target.url, url);
  }
  inputs_.environment = {{"S3_BUCKET", "lake"}, {"CDC_TARGET_URL", "file:///data"}};
  EXPECT_EQ(Good().target.url, "file:///data");
}

TEST_F(ConfigTest, local_endpoints_get_path_style_unless_it_was_set) {
  for (const char* endpoint : {"http://127.0.0.1:9000", "http://localhost:9000",
                               "http://minio:9000", "http://[::1]:9000", "https://10.1.2.3"}) {
    inputs_.environment = {{"AWS_ENDPOINT_URL", endpoint}};
    EXPECT_TRUE(Good().target.path_style) << endpoint;
    inputs_.environment["CDC_TARGET_PATH_STYLE"] = "false";
    EXPECT_FALSE(Good().target.path_style) << endpoint;
  }
  inputs_.environment = {{"AWS_ENDPOINT_URL_S3", "https://s3.example.com"}};
  EXPECT_FALSE(Good().target.path_style);
  inputs_.environment.clear();
  EXPECT_FALSE(Good().target.path_style);
}

TEST_F(ConfigTest, everything_that_is_missing_is_told_at_once_with_its_names) {
  inputs_.environment = {{"SQL_SERVER_USER", "u"}, {"AWS_ACCESS_KEY_ID", "AKIA"}};
  const std::string message = Validate(Good()).message();
  EXPECT_THAT(message, AllOf(HasSubstr("source.host"), HasSubstr("SQL_SERVER_HOST"),
                             HasSubstr("CDC_SOURCE_HOST"), HasSubstr("--host")));
  EXPECT_THAT(message, AllOf(HasSubstr("source.database"), HasSubstr("SQL_SERVER_PASSWORD"),
                             HasSubstr("password_file"), HasSubstr("S3_BUCKET"),
                             HasSubstr("AWS_SECRET_ACCESS_KEY"), Not(HasSubstr("source.user"))));
}

TEST_F(ConfigTest, what_was_passed_over_in_the_env_file_is_a_warning) {
  File(".env", "SQL_SERVER_HOST=db1\nSQL_SERVER_USER='open\n");
  EXPECT_THAT(Good().warnings, ElementsAre(HasSubstr(".env line 2")));
  EXPECT_EQ(Good().source.host, "db1");
  File(".env", "SQL_SERVER_HOST=db1\nSOMETHING_ELSE\nSQL_SERVER_USER\n");
  EXPECT_THAT(Good().warnings, ElementsAre(HasSubstr(".env line 3: SQL_SERVER_USER without =")));
}

TEST(Keys, every_key_has_its_own_names_and_a_help_text) {
  std::set<std::string> names;
  for (const KeyHelp& key : AllKeys()) {
    EXPECT_FALSE(key.help.empty()) << key.key;
    for (const std::string& name : key.environment) EXPECT_TRUE(names.insert(name).second) << name;
    if (!key.flag.empty()) {
      EXPECT_TRUE(names.insert(key.flag).second) << key.flag;
    }
  }
  EXPECT_TRUE(names.contains("CDC_RUN_INTERVAL"));
  EXPECT_TRUE(names.contains("--max-object-rows"));
}

}  // namespace
}  // namespace cdc::config

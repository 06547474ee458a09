#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "config/config.h"

// Settings of [target] that S3 is told with every object.

namespace cdc::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// With everything that a run needs, and `more`.
Inputs With(std::map<std::string, std::string> more) {
  Inputs inputs;
  inputs.folder = "/nonexistent";
  inputs.environment = {{"SQL_SERVER_HOST", "db1"},
                        {"SQL_SERVER_DATABASE", "Shop"},
                        {"SQL_SERVER_USER", "u"},
                        {"SQL_SERVER_PASSWORD", "p"},
                        {"S3_BUCKET", "lake"}};
  inputs.environment.merge(more);
  return inputs;
}

TEST(TargetSettings, reach_the_configuration) {
  const Config config = Load(With({{"CDC_TARGET_SSE", "aws:kms"},
                                   {"CDC_TARGET_SSE_KMS_KEY_ID", "alias/lake"},
                                   {"CDC_TARGET_SSE_BUCKET_KEY", "true"},
                                   {"CDC_TARGET_STORAGE_CLASS", "STANDARD_IA"},
                                   {"CDC_TARGET_TAGS", "team=data, cost=a=b"},
                                   {"CDC_TARGET_EXPECTED_BUCKET_OWNER", "111122223333"},
                                   {"CDC_TARGET_ANONYMOUS", "true"}}))
                            .ValueOrDie();
  EXPECT_EQ(config.target.sse, "aws:kms");
  EXPECT_EQ(config.target.sse_kms_key_id, "alias/lake");
  EXPECT_TRUE(config.target.sse_bucket_key);
  EXPECT_EQ(config.target.storage_class, "STANDARD_IA");
  EXPECT_THAT(config.target.tags, ElementsAre("team=data", "cost=a=b"));
  EXPECT_EQ(config.target.expected_bucket_owner, "111122223333");
  EXPECT_TRUE(config.target.anonymous);
  EXPECT_TRUE(Validate(config).ok()) << Validate(config);
}

TEST(TargetSettings, say_what_is_wrong_with_them) {
  std::string eleven;
  for (int i = 0; i < 11; ++i) eleven += std::to_string(i) + "=x,";
  const std::pair<std::pair<const char*, std::string>, const char*> cases[] = {
      {{"CDC_TARGET_SSE", "aes"}, "AES256, aws:kms or aws:kms:dsse"},
      {{"CDC_TARGET_STORAGE_CLASS", "standard ia"}, "storage class like STANDARD_IA"},
      {{"CDC_TARGET_EXPECTED_BUCKET_OWNER", "me"}, "12 digits"},
      {{"CDC_TARGET_TAGS", "team"}, "\"team\" is not name=value"},
      {{"CDC_TARGET_TAGS", "=data"}, "is not name=value"},
      {{"CDC_TARGET_TAGS", "a=1,a=2"}, "twice"},
      {{"CDC_TARGET_TAGS", "a=b&c"}, "holds more than letters"},
      {{"CDC_TARGET_TAGS", "a=" + std::string(257, 'x')}, "longer than"},
      {{"CDC_TARGET_TAGS", eleven}, "11 tags; an object takes 10"},
  };
  for (const auto& [variable, message] : cases) {
    EXPECT_THAT(Load(With({variable})).status().message(), HasSubstr(message));
  }
}

TEST(TargetSettings, name_a_kms_key_only_with_kms) {
  for (const auto& variable : {std::pair("CDC_TARGET_SSE_KMS_KEY_ID", "k"),
                               std::pair("CDC_TARGET_SSE_BUCKET_KEY", "true")}) {
    const Config config = Load(With({{"CDC_TARGET_SSE", "AES256"}, variable})).ValueOrDie();
    EXPECT_THAT(Validate(config).message(), HasSubstr("target.sse = \"aws:kms\""));
  }
}

TEST(AwsNames, reach_the_configuration_from_the_environment_and_from_dotenv_and_are_not_described) {
  std::string folder = (std::filesystem::temp_directory_path() / "aws-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/.env") << "AWS_ROLE_ARN=from-dotenv\nAWS_CONFIG_FILE=theirs\n"
                                  << "AWS_CONTAINER_AUTHORIZATION_TOKEN=hush\n";
  Inputs inputs = With({{"HOME", "/home/me"}, {"AWS_CONFIG_FILE", "mine"}, {"AWS_ROLE_ARN", ""}});
  inputs.folder = folder;
  const Config config = Load(inputs).ValueOrDie();
  std::filesystem::remove_all(folder);
  EXPECT_EQ(config.aws_environment.at("HOME"), "/home/me");
  EXPECT_EQ(config.aws_environment.at("AWS_CONFIG_FILE"), "mine");
  EXPECT_EQ(config.aws_environment.at("AWS_ROLE_ARN"), "from-dotenv");
  EXPECT_EQ(config.aws_environment.at("AWS_CONTAINER_AUTHORIZATION_TOKEN"), "hush");
  EXPECT_FALSE(config.aws_environment.contains("SQL_SERVER_PASSWORD"));
  EXPECT_THAT(Describe(config), ::testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace cdc::config

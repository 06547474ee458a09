#include "store/open_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <iterator>

#include "base/testing/project_root.h"
#include "store/s3_error.h"
#include "store/testing/child_process.h"

namespace cdc::store {
namespace {

using ::testing::HasSubstr;

S3Options WithKeys() {
  S3Options options;
  options.credentials = {"key", "secret", ""};
  return options;
}

TEST(OpenStore, knows_buckets_with_and_without_prefix_and_folders) {
  EXPECT_EQ(OpenStore("s3://lake", WithKeys()).ValueOrDie()->url(), "s3://lake");
  EXPECT_EQ(OpenStore("s3://lake/", WithKeys()).ValueOrDie()->url(), "s3://lake");
  EXPECT_EQ(OpenStore("s3://lake/raw/db/", WithKeys()).ValueOrDie()->url(), "s3://lake/raw/db");
  const testing::TempFolder folder;
  EXPECT_EQ(OpenStore("file://" + folder.path() + "/", {}).ValueOrDie()->url(),
            "file://" + folder.path());
}

TEST(OpenStore, says_what_is_wrong_with_a_url) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "it is empty"},
      {"/data/lake", "write file:///data/lake"},
      {"file://data/lake", "three slashes"},
      {"file:///data/100%", "%25"},
      {"s3://", "no bucket name"},
      {"s3://a lake/x", "\"a lake\" is no bucket name"},
      {"s3://lake/a//b", "empty part"},
      {"https://lake.s3.amazonaws.com", "endpoint"},
      {"gs://lake", "unknown scheme"},
  };
  for (const auto& [url, reason] : cases) {
    const arrow::Status status = OpenStore(url, WithKeys()).status();
    EXPECT_EQ(KindOf(status), ErrorKind::kPermanent) << url;
    EXPECT_THAT(status.message(), HasSubstr(reason)) << url;
    EXPECT_THAT(status.message(), HasSubstr("s3://bucket/prefix")) << url;
  }
}

TEST(OpenStore, misses_keys_and_folders_at_once) {
  const arrow::Status no_keys = OpenStore("s3://lake", {}).status();
  EXPECT_EQ(KindOf(no_keys), ErrorKind::kNoCredentials);
  EXPECT_THAT(no_keys.message(), HasSubstr("AWS_ACCESS_KEY_ID"));
  EXPECT_EQ(KindOf(OpenStore("file:///no/such/folder", {}).status()), ErrorKind::kNoBucket);
}

TEST(RequiredPolicy, allows_what_is_needed_below_the_prefix_and_no_more) {
  EXPECT_EQ(RequiredPolicy("lake", "raw"),
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject",)"
            R"("s3:GetObject"],"Resource":"arn:aws:s3:::lake/raw/*"},{"Effect":"Allow","Action":)"
            R"("s3:ListBucket","Resource":"arn:aws:s3:::lake"}]})");
  EXPECT_THAT(RequiredPolicy("lake", ""), HasSubstr("\"arn:aws:s3:::lake/*\""));
}

// The file of docs/policies without the blanks that people read it with.
std::string Documented(const std::string& name) {
  std::ifstream file(cdc::testing::ProjectRoot() / "docs" / "policies" / name);
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

TEST(RequiredPolicy, is_the_documented_one) {
  EXPECT_EQ(Documented("delivery.json"), RequiredPolicy("lake", "raw"));
  EXPECT_EQ(Documented("delivery-with-kms-and-tags.json"),
            RequiredPolicy("lake", "raw",
                           {.region = "eu-central-1",
                            .tags = true,
                            .acl = false,
                            .kms_key_id = "arn:aws:kms:eu-central-1:111122223333:key/"
                                          "1234abcd-12ab-34cd-56ef-1234567890ab"}));
}

}  // namespace
}  // namespace cdc::store

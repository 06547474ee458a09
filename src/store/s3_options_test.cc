#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/testing/faulty_s3.h"

// What S3 is told about what it is to keep, as a server receives it.

namespace cdc::store {
namespace {

using testing::ErrorReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::HeadOf;
using testing::InTurn;
using testing::kStored;
using testing::OptionsFor;
using testing::SeenRequest;

class S3OptionsTest : public ::testing::Test {
 protected:
  SeenRequest PutOf(const std::string& key) {
    EXPECT_TRUE(Open()->Put(key, *Spool::FromBytes("abc"), {}).ok());
    return server_.Seen("PUT").back();
  }
  SeenRequest SwapOf(const std::string& key) {
    EXPECT_TRUE(Open()->Swap(key, "{}", std::nullopt).ok());
    return server_.Seen("PUT").back();
  }
  std::unique_ptr<Store> Open() { return OpenS3Store(options_).ValueOrDie(); }

  // Sent with this value, and under the signature.
  static void ExpectSigned(const SeenRequest& request, const std::string& name,
                           const std::string& value) {
    ASSERT_TRUE(request.headers.contains(name)) << name;
    EXPECT_EQ(request.headers.at(name), value);
    const std::string& authorization = request.headers.at("authorization");
    const size_t begin = authorization.find("SignedHeaders=") + 14;
    EXPECT_THAT(";" + authorization.substr(begin, authorization.find(',', begin) - begin) + ";",
                HasSubstr(";" + name + ";"));
  }
  static void ExpectNone(const SeenRequest& request, const std::string& name) {
    EXPECT_FALSE(request.headers.contains(name)) << name;
  }

  FaultyServer server_{InTurn({kStored}, HeadOf("v"))};
  S3Options options_ = OptionsFor(server_.endpoint());
};

TEST_F(S3OptionsTest, nothing_is_asked_for_by_default) {
  for (const auto& [name, value] : PutOf("t/cdc/a.parquet").headers) {
    EXPECT_FALSE(name.starts_with("x-amz-server-side-encryption")) << name;
  }
  for (const char* name : {"x-amz-storage-class", "x-amz-tagging", "x-amz-expected-bucket-owner"}) {
    ExpectNone(server_.Seen("PUT").back(), name);
  }
}

TEST_F(S3OptionsTest, encryption_with_the_stores_own_key_is_asked_for_with_every_write) {
  options_.objects.sse = "AES256";
  for (const auto& request : {PutOf("t/cdc/a.parquet"), SwapOf("_cdc_to_s3/Shop.json")}) {
    ExpectSigned(request, "x-amz-server-side-encryption", "AES256");
    ExpectNone(request, "x-amz-server-side-encryption-aws-kms-key-id");
    ExpectNone(request, "x-amz-server-side-encryption-bucket-key-enabled");
  }
}

TEST_F(S3OptionsTest, encryption_with_a_kms_key_names_the_key_and_the_bucket_key) {
  options_.objects.sse = "aws:kms";
  options_.objects.kms_key_id = "arn:aws:kms:eu-west-1:111122223333:key/k1";
  options_.objects.bucket_key = true;
  for (const auto& request : {PutOf("t/cdc/a.parquet"), SwapOf("_cdc_to_s3/Shop.json")}) {
    ExpectSigned(request, "x-amz-server-side-encryption", "aws:kms");
    ExpectSigned(request, "x-amz-server-side-encryption-aws-kms-key-id",
                 "arn:aws:kms:eu-west-1:111122223333:key/k1");
    ExpectSigned(request, "x-amz-server-side-encryption-bucket-key-enabled", "true");
  }
}

TEST_F(S3OptionsTest, storage_class_and_tags_are_the_objects_and_not_the_states) {
  options_.objects.storage_class = "STANDARD_IA";
  options_.objects.tags = {{"team", "data + lake"}, {"cost-centre", "42"}};
  const SeenRequest object = PutOf("t/cdc/a.parquet");
  ExpectSigned(object, "x-amz-storage-class", "STANDARD_IA");
  ExpectSigned(object, "x-amz-tagging", "cost-centre=42&team=data%20%2B%20lake");
  for (const auto& own : {SwapOf("_cdc_to_s3/Shop.json"), PutOf("_cdc_to_s3/probe")}) {
    ExpectNone(own, "x-amz-storage-class");
    ExpectNone(own, "x-amz-tagging");
  }
}

TEST_F(S3OptionsTest, a_canned_acl_is_asked_for_with_every_write) {
  options_.objects.acl = "bucket-owner-full-control";
  for (const auto& request : {PutOf("t/cdc/a.parquet"), SwapOf("_cdc_to_s3/Shop.json")}) {
    ExpectSigned(request, "x-amz-acl", "bucket-owner-full-control");
  }
}

TEST_F(S3OptionsTest, who_pays_for_requests_says_so_in_each) {
  options_.requester_pays = true;
  ExpectSigned(PutOf("t/cdc/a.parquet"), "x-amz-request-payer", "requester");
  const auto store = Open();
  ASSERT_TRUE(store->Head("k").ok());
  EXPECT_FALSE(store->List("", "", 1).ok());
  ExpectSigned(server_.Seen("HEAD").back(), "x-amz-request-payer", "requester");
  ExpectSigned(server_.Seen("GET").back(), "x-amz-request-payer", "requester");
}

TEST_F(S3OptionsTest, the_expected_owner_is_named_in_every_request) {
  options_.expected_bucket_owner = "111122223333";
  ExpectSigned(PutOf("t/cdc/a.parquet"), "x-amz-expected-bucket-owner", "111122223333");
  ExpectSigned(SwapOf("_cdc_to_s3/Shop.json"), "x-amz-expected-bucket-owner", "111122223333");
  const auto store = Open();
  ASSERT_TRUE(store->Head("k").ok());
  EXPECT_FALSE(store->Get("k").ok());
  EXPECT_FALSE(store->List("", "", 1).ok());
  for (const char* method : {"HEAD", "GET"}) {
    for (const auto& request : server_.Seen(method)) {
      ExpectSigned(request, "x-amz-expected-bucket-owner", "111122223333");
    }
  }
  EXPECT_EQ(server_.Seen("GET").size(), 2U);
}

TEST_F(S3OptionsTest, nothing_is_signed_for_a_store_that_wants_no_credentials) {
  options_.anonymous = true;
  options_.credentials = {"", "", "token"};
  const SeenRequest put = PutOf("t/cdc/a.parquet");
  ExpectNone(put, "authorization");
  ExpectNone(put, "x-amz-security-token");
  EXPECT_TRUE(put.headers.contains("x-amz-content-sha256"));
}

// As AWS words them.
TEST_F(S3OptionsTest, a_refusal_tells_its_real_cause) {
  const std::pair<std::string, std::string> cases[] = {
      {"User: arn:aws:iam::1:user/u is not authorized to perform: kms:GenerateDataKey on resource: "
       "arn:aws:kms:eu-west-1:1:key/k because no identity-based policy allows the action",
       "allow them kms:GenerateDataKey"},
      {"User: arn:aws:iam::1:user/u is not authorized to perform: s3:PutObject on resource: "
       "\"arn:aws:s3:::lake/k\" with an explicit deny in a service control policy",
       "denies it explicitly"},
      {"Access Denied", "they need this policy"},
  };
  for (const auto& [message, advice] : cases) {
    const FaultyServer refusing([&](const SeenRequest&) {
      return testing::FaultyReply{
          403,
          {},
          "<Error><Code>AccessDenied</Code><Message>" + message + "</Message></Error>",
          {}};
    });
    options_ = OptionsFor(refusing.endpoint());
    const std::string said = Open()->Put("k", *Spool::FromBytes("abc"), {}).status().message();
    EXPECT_THAT(said, HasSubstr(advice));
  }
}

TEST_F(S3OptionsTest, the_policy_is_written_in_the_regions_partition) {
  const FaultyServer refusing([](const SeenRequest&) { return ErrorReply(403, "AccessDenied"); });
  options_ = OptionsFor(refusing.endpoint());
  options_.objects.acl = "bucket-owner-full-control";
  for (const auto& [region, partition] :
       {std::pair("us-gov-east-1", "aws-us-gov"), {"cn-north-1", "aws-cn"}, {"eu-west-1", "aws"}}) {
    options_.region = region;
    const std::string said = Open()->Put("k", *Spool::FromBytes("abc"), {}).status().message();
    EXPECT_THAT(said, HasSubstr(std::string("\"arn:") + partition + ":s3:::lake/*\""));
    EXPECT_THAT(said, HasSubstr("s3:PutObjectAcl"));
  }
}

TEST_F(S3OptionsTest, a_refusal_tells_the_policy_that_these_options_need) {
  const FaultyServer refusing([](const SeenRequest&) { return ErrorReply(403, "AccessDenied"); });
  options_ = OptionsFor(refusing.endpoint());
  options_.expected_bucket_owner = "111122223333";
  options_.objects.tags = {{"a", "b"}};
  options_.objects.kms_key_id = "alias/lake";
  const std::string said = Open()->Put("k", *Spool::FromBytes("abc"), {}).status().message();
  EXPECT_THAT(said, HasSubstr("does not belong to account 111122223333"));
  EXPECT_THAT(said, HasSubstr(R"(["s3:PutObject","s3:GetObject","s3:PutObjectTagging"])"));
  EXPECT_THAT(said, HasSubstr(R"(["kms:GenerateDataKey","kms:Decrypt"])"));
  EXPECT_THAT(said, HasSubstr("arn:aws:kms:*:*:key/*"));
}

}  // namespace
}  // namespace cdc::store

#include "store/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/s3_address.h"

namespace cdc::store {
namespace {

using ::testing::EndsWith;

// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
constexpr char kHashOfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const UtcTime kExampleTime = std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);

SignedRequest Example(const std::string& method, const std::string& path,
                      const std::string& query) {
  SignedRequest request;
  request.method = method;
  request.path = path;
  request.query = query;
  request.payload_sha256_hex = kHashOfNothing;
  request.time = kExampleTime;
  request.headers = {{"x-amz-date", "20130524T000000Z"},
                     {"x-amz-content-sha256", kHashOfNothing},
                     {"host", "examplebucket.s3.amazonaws.com"}};
  return request;
}

TEST(SigV4, signs_the_get_of_the_documentation) {
  SignedRequest request = Example("GET", "/test.txt", "");
  request.headers.emplace_back("range", "bytes=0-9");
  EXPECT_EQ(Authorization(request, kExample, "us-east-1"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, signs_the_list_of_the_documentation) {
  EXPECT_THAT(
      Authorization(Example("GET", "/", CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}})),
                    kExample, "us-east-1"),
      EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4, signs_the_put_of_the_documentation) {
  constexpr char kBodyHash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  SignedRequest request = Example("PUT", "/" + UriEncode("test$file.text", true), "");
  request.payload_sha256_hex = kBodyHash;
  request.headers[1].second = kBodyHash;
  request.headers.emplace_back("date", "Fri, 24 May 2013 00:00:00 GMT");
  request.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
  EXPECT_THAT(Authorization(request, kExample, "us-east-1"),
              EndsWith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4, dates_are_utc_to_the_second) {
  EXPECT_EQ(AmzDate(kExampleTime + std::chrono::microseconds(86'399'999'999)), "20130524T235959Z");
}

TEST(S3Address, keys_are_encoded_byte_for_byte) {
  EXPECT_EQ(UriEncode("a b/c+d%é~-_.\"'", true), "a%20b/c%2Bd%25%C3%A9~-_.%22%27");
  EXPECT_EQ(UriEncode("a/b", false), "a%2Fb");
}

TEST(S3Address, queries_are_sorted_by_name) {
  EXPECT_EQ(CanonicalQuery({{"prefix", "a b"}, {"list-type", "2"}, {"continuation-token", "x=="}}),
            "continuation-token=x%3D%3D&list-type=2&prefix=a%20b");
}

struct AddressCase {
  std::string bucket;
  std::string region;
  std::string endpoint;
  bool path_style;
  std::string url;
  std::string host;
};

TEST(S3Address, a_bucket_is_found_by_host_name_or_path) {
  const std::vector<AddressCase> cases = {
      {"lake", "eu-west-1", "", false, "https://lake.s3.eu-west-1.amazonaws.com",
       "lake.s3.eu-west-1.amazonaws.com"},
      {"lake", "cn-north-1", "", false, "https://lake.s3.cn-north-1.amazonaws.com.cn",
       "lake.s3.cn-north-1.amazonaws.com.cn"},
      {"my.lake", "eu-west-1", "", false, "https://s3.eu-west-1.amazonaws.com/my.lake",
       "s3.eu-west-1.amazonaws.com"},
      {"lake", "x", "http://localhost:9000/", true, "http://localhost:9000/lake", "localhost:9000"},
      {"lake", "x", "http://localhost:9000", false, "http://lake.localhost:9000",
       "lake.localhost:9000"},
      {"my.lake", "x", "http://host", false, "http://my.lake.host", "my.lake.host"},
      {"My_Lake", "x", "http://host:80", false, "http://host/My_Lake", "host"},
      {"lake", "x", "https://host:443/base/s3", true, "https://host/base/s3/lake", "host"},
  };
  for (const auto& c : cases) {
    const S3Location found =
        LocateBucket(c.bucket, {c.region, c.endpoint, c.path_style}).ValueOrDie();
    EXPECT_EQ(found.origin + found.path, c.url);
    EXPECT_EQ(found.host, c.host);
  }
}

TEST(S3Address, awss_endpoints_are_the_validated_ones_and_those_with_ipv6_where_asked_for) {
  S3AddressOptions options{.region = "us-gov-west-1", .use_fips = true};
  EXPECT_EQ(LocateBucket("lake", options)->host, "lake.s3-fips.us-gov-west-1.amazonaws.com");
  options.use_dualstack = true;
  EXPECT_EQ(LocateBucket("lake", options)->host,
            "lake.s3-fips.dualstack.us-gov-west-1.amazonaws.com");
  options.use_fips = false;
  EXPECT_EQ(LocateBucket("lake", options)->host, "lake.s3.dualstack.us-gov-west-1.amazonaws.com");
  options.endpoint = "https://vpce-1.example";
  EXPECT_EQ(LocateBucket("lake", options)->host, "lake.vpce-1.example");
}

TEST(S3Address, an_endpoint_that_names_the_bucket_is_refused_with_the_one_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"https://lake.s3.eu-west-1.amazonaws.com",
       "set endpoint to https://s3.eu-west-1.amazonaws.com"},
      {"https://1a2b.r2.cloudflarestorage.com/lake",
       "set endpoint to https://1a2b.r2.cloudflarestorage.com"},
      {"http://h:9000/s3/lake/", "set endpoint to http://h:9000/s3"},
  };
  for (const auto& [endpoint, advice] : cases) {
    const auto refused = LocateBucket("lake", {"x", endpoint, false}).status();
    EXPECT_TRUE(refused.message().ends_with(advice)) << refused;
  }
  // A machine may be called as a bucket is.
  EXPECT_EQ(LocateBucket("minio", {"x", "http://minio.example:9000", true})->path, "/minio");
}

TEST(S3Address, an_endpoint_that_is_no_url_is_refused) {
  for (const char* bad :
       {"localhost:9000", "ftp://x", "http://", "http://u:p@host", "http://h/?a"}) {
    EXPECT_FALSE(LocateBucket("lake", {"x", bad, true}).ok()) << bad;
  }
}

}  // namespace
}  // namespace cdc::store

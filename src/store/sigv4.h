#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/credentials.h"

namespace cdc::store {

// What AWS Signature Version 4 covers. The signature is made here and not by libcurl (its
// CURLOPT_AWS_SIGV4), because libcurl 7.88 sorts header lines instead of header names
// (x-amz-meta-a-b before x-amz-meta-a) and signs wrongly when X-Amz-Date is given; servers then say
// SignatureDoesNotMatch.
struct SignedRequest {
  std::string method;
  std::string service = "s3";
  std::string path;   // percent-encoded, as sent
  std::string query;  // percent-encoded, sorted by name, without the question mark
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names; host among them
  std::string payload_sha256_hex;
  UtcTime time;
};

// "20130524T000000Z", the value of x-amz-date.
std::string AmzDate(UtcTime time);

// The value of the Authorization header. Covers every header of the request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
std::string Authorization(const SignedRequest& request, const Credentials& credentials,
                          const std::string& region);

}  // namespace cdc::store

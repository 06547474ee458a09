#include "store/s3_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <string_view>

namespace cdc::store {
namespace {

// S3's error codes, what kind they are, and what helps.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
struct KnownCode {
  std::string_view code;
  ErrorKind kind;
  std::string_view advice;
};

constexpr std::array kKnownCodes = {
    KnownCode{"NoSuchBucket", ErrorKind::kNoBucket,
              "there is no such bucket at this endpoint: create it, or correct the target's url"},
    KnownCode{"NoSuchKey", ErrorKind::kNotFound, "there is no such object"},
    KnownCode{"PreconditionFailed", ErrorKind::kConflict, "somebody else was there first"},
    KnownCode{"InvalidAccessKeyId", ErrorKind::kDenied,
              "the store does not know this access key: check AWS_ACCESS_KEY_ID and the endpoint"},
    KnownCode{"SignatureDoesNotMatch", ErrorKind::kDenied,
              "the secret key does not belong to the access key: check AWS_SECRET_ACCESS_KEY"},
    KnownCode{"ExpiredToken", ErrorKind::kDenied,
              "the temporary credentials have expired: get new ones (AWS_SESSION_TOKEN) and start "
              "again"},
    KnownCode{"InvalidToken", ErrorKind::kDenied,
              "the session token does not belong to the access key: check AWS_SESSION_TOKEN, and "
              "unset it for permanent keys"},
    KnownCode{"RequestTimeTooSkewed", ErrorKind::kDenied,
              "the request's time is more than 15 minutes away from the store's: either this "
              "machine's clock is wrong (set it, NTP), or the process slept and may not put this "
              "object any more"},
    KnownCode{"InvalidObjectState", ErrorKind::kPermanent,
              "the object is in an archive class and must be restored first"},
    KnownCode{"AccountProblem", ErrorKind::kDenied, "the account is not in order: see its owner"},
    KnownCode{"AllAccessDisabled", ErrorKind::kDenied, "the bucket is disabled"},
    KnownCode{
        "NotImplemented", ErrorKind::kPermanent,
        "the store does not know this request; if it lacks conditional writes, keep the state "
        "in a local directory: state = \"file:///...\""},
    KnownCode{"KeyTooLongError", ErrorKind::kPermanent,
              "the key is longer than the store allows: shorten the target's path"},
    KnownCode{"EntityTooLarge", ErrorKind::kPermanent,
              "the object is too large for one PUT: lower max_object_bytes"},
};

constexpr std::array<std::string_view, 13> kTransientCodes = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "OperationAborted",
    "ConditionalRequestConflict",
    "TooManyRequests",
    "Throttling",
    "ThrottlingException",
    "BadDigest",  // these four: the body was damaged on its way
    "IncompleteBody",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
};

template <typename Range>
bool Contains(const Range& range, std::string_view value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

ErrorKind KindOfStatus(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::kDenied;
    case 404:
      return ErrorKind::kNotFound;
    case 412:
      return ErrorKind::kConflict;
    default:
      return ErrorKind::kPermanent;
  }
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
std::string_view PartitionOf(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  return "aws";
}

// What AWS's words say, and our policy would not mend.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
std::string AccessDeniedAdvice(const S3Error& error, const S3Context& context) {
  const auto says = [&](const char* what) { return error.message.find(what) != std::string::npos; };
  if (says("explicit deny")) {
    return "a policy denies it explicitly, which no permission outweighs: the message names its "
           "kind (the bucket's, an organisation's service control policy, a permissions boundary, "
           "a VPC endpoint's)";
  }
  if (says("kms:")) {
    return "the bucket or the request encrypts with a KMS key that the credentials may not use: "
           "allow them kms:GenerateDataKey (and kms:Decrypt, to read) on it, in their policy and "
           "in "
           "the key's";
  }
  const std::string owner =
      context.expected_bucket_owner.empty()
          ? ""
          : fmt::format(", or the bucket does not belong to account {} (expected_bucket_owner)",
                        context.expected_bucket_owner);
  return fmt::format(
      "the credentials may not do this (or the object is missing and they lack s3:ListBucket: S3 "
      "then says 403 instead of 404{}); they need this policy: {}",
      owner, RequiredPolicy(context.bucket, context.prefix, context.policy));
}

// An alias cannot stand in a policy: the key behind it is not known here.
std::string KmsResource(const std::string& key_id, std::string_view partition) {
  if (key_id.starts_with("arn:") && key_id.find(":alias/") == std::string::npos) {
    return key_id;
  }
  const bool is_alias = key_id.find("alias/") != std::string::npos;
  return fmt::format("arn:{}:kms:*:*:key/{}", partition, is_alias ? "*" : key_id);
}

std::string WrongRegionAdvice(const S3Error& error, const S3Context& context) {
  if (error.region.empty()) {
    return "the bucket is elsewhere: set the target's region and endpoint to where it is";
  }
  return fmt::format("the bucket is in region {}, not in {}: set the target's region", error.region,
                     context.region);
}

}  // namespace

bool S3Error::IsTransient() const {
  const bool server_fault = status >= 500 && status != 501 && status != 505;
  return server_fault || status == 429 || status == 408 || Contains(kTransientCodes, code);
}

bool S3Error::IsExpired() const {
  return code == "ExpiredToken" || code == "ExpiredTokenException" ||
         code == "TokenRefreshRequired";
}

bool S3Error::IsWrongRegion() const {
  if (status == 301 || status == 307 || code == "IllegalLocationConstraintException") {
    return true;
  }
  return status == 400 && (code == "AuthorizationHeaderMalformed" || code.empty()) &&
         !region.empty();
}

S3Error ParseS3Error(const HttpReply& reply) {
  S3Error error;
  error.status = reply.status;
  pugi::xml_document document;
  if (document.load_buffer(reply.body.data(), reply.body.size())) {
    const pugi::xml_node node = document.child("Error");
    error.code = node.child_value("Code");
    error.message = node.child_value("Message");
    error.region = node.child_value("Region");
    error.request_id = node.child_value("RequestId");
  }
  if (error.region.empty()) {
    error.region = reply.Header("x-amz-bucket-region");
  }
  if (error.request_id.empty()) {
    error.request_id = reply.Header("x-amz-request-id");
  }
  return error;
}

arrow::Status ExplainS3Error(const S3Error& error, const S3Context& context) {
  const auto known = std::find_if(kKnownCodes.begin(), kKnownCodes.end(),
                                  [&](const KnownCode& k) { return k.code == error.code; });
  ErrorKind kind = error.IsTransient() ? ErrorKind::kTransient : KindOfStatus(error.status);
  std::string advice;
  if (known != kKnownCodes.end()) {
    kind = known->kind;
    advice = known->advice;
  } else if (error.IsWrongRegion()) {
    advice = WrongRegionAdvice(error, context);
  } else if (kind == ErrorKind::kDenied) {
    advice = AccessDeniedAdvice(error, context);
  }
  std::string text = fmt::format("{}: HTTP {}", context.operation, error.status);
  if (!error.code.empty()) {
    text += fmt::format(" {}", error.code);
  }
  if (!advice.empty()) {
    text += fmt::format(": {}", advice);
  }
  if (!error.message.empty() || !error.request_id.empty()) {
    text += fmt::format(" (the store says: \"{}\", request {})", error.message,
                        error.request_id.empty() ? "without id" : error.request_id);
  }
  return MakeError(kind, std::move(text));
}

std::string RequiredPolicy(const std::string& bucket, const std::string& prefix,
                           const PolicyOptions& options) {
  const std::string_view partition = PartitionOf(options.region);
  const std::string below = prefix.empty() ? bucket : fmt::format("{}/{}", bucket, prefix);
  const std::string kms =
      options.kms_key_id.empty()
          ? ""
          : fmt::format(
                R"(,{{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"{}"}})",
                KmsResource(options.kms_key_id, partition));
  return fmt::format(
      R"({{"Version":"2012-10-17","Statement":[)"
      R"({{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"{}{}],)"
      R"("Resource":"arn:{}:s3:::{}/*"}},)"
      R"({{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:{}:s3:::{}"}}{}]}})",
      options.tags ? R"(,"s3:PutObjectTagging")" : "", options.acl ? R"(,"s3:PutObjectAcl")" : "",
      partition, below, partition, bucket, kms);
}

}  // namespace cdc::store

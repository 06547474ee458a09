#pragma once

#include <arrow/status.h>

#include <string>

#include "store/http.h"
#include "store/store.h"

namespace cdc::store {

// What a reply says that is not a success.
struct S3Error {
  int status = 0;
  std::string code;     // "NoSuchBucket"; may be empty: a HEAD has no body, a proxy speaks no XML
  std::string message;  // the server's words
  std::string region;   // where the bucket is, when the server says so
  std::string request_id;

  // Worth another try: overload, a fault of the server, a broken transfer, a collision of writers.
  bool IsTransient() const;
  // The temporary credentials are over.
  bool IsExpired() const;
  // The request went to, or was signed for, a region where the bucket is not.
  bool IsWrongRegion() const;
};

S3Error ParseS3Error(const HttpReply& reply);

// What a policy must allow beyond reading and writing.
struct PolicyOptions {
  std::string region;  // whose partition the policy is for
  bool tags = false;
  bool acl = false;
  std::string kms_key_id;  // an id, an ARN or an alias; empty: none of one's own
};

// Who asked for what, for messages.
struct S3Context {
  std::string operation;  // "put s3://lake/raw/k"
  std::string bucket;
  std::string prefix;  // "raw", or ""
  std::string region;
  std::string expected_bucket_owner;
  PolicyOptions policy;
};

// The error with its kind, and what to do about it.
arrow::Status ExplainS3Error(const S3Error& error, const S3Context& context);

// The JSON policy, for a user or role, of all that the program needs: s3:PutObject and s3:GetObject
// below the prefix, s3:ListBucket on the bucket; with tags s3:PutObjectTagging, with a KMS key the
// two actions that writing and reading need. ListBucket has no condition on the prefix: with
// one, S3 answers a GET of a missing key with 403 instead of 404.
std::string RequiredPolicy(const std::string& bucket, const std::string& prefix,
                           const PolicyOptions& options = {});

}  // namespace cdc::store

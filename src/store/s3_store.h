#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/credentials.h"
#include "store/credentials/cache.h"
#include "store/http.h"
#include "store/retry.h"
#include "store/store.h"

namespace cdc::store {

// What S3 is told about what it is to keep. Empty: as the bucket has it.
struct ObjectOptions {
  std::string sse;  // AES256 · aws:kms · aws:kms:dsse
  std::string kms_key_id;
  bool bucket_key = false;  // fewer, cheaper calls to KMS
  std::string acl;          // canned: "bucket-owner-full-control"
  // These two for the objects alone, not for what the program keeps for itself under _cdc_to_s3/:
  // the state is replaced every minute and must be readable at once, and a lifecycle rule over a
  // tag must not remove it.
  std::string storage_class;
  std::vector<std::pair<std::string, std::string>> tags;
};

struct S3Options {
  std::string bucket;
  std::string prefix;  // without slashes at its ends; empty: the whole bucket
  std::string region = "us-east-1";
  std::string endpoint;  // "http://localhost:9000"; empty: AWS
  bool path_style = false;
  bool use_fips = false;       // AWS's endpoints that are validated for FIPS 140
  bool use_dualstack = false;  // those that have IPv6 addresses, too
  // Bodies go without a checksum of their own where the store does not ask for one.
  bool spares_checksum = false;
  ObjectOptions objects;
  std::string expected_bucket_owner;            // account id; a bucket of another's is refused
  bool requester_pays = false;                  // agrees to pay for requests
  bool anonymous = false;                       // signs nothing; `credentials` are not looked at
  Credentials credentials;                      // that never change
  std::shared_ptr<CredentialsCache> refreshed;  // instead, when there
  HttpOptions http;
  RetryLimits retry;
  int64_t list_page_max = 1000;  // keys a request; S3 gives no more
  const Clock* clock = &Clock::System();
};

// Sends nothing yet. Invalid options (no keys, an endpoint that is no URL) are kPermanent.
arrow::Result<std::unique_ptr<Store>> OpenS3Store(S3Options options);

}  // namespace cdc::store

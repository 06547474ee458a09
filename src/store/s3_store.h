#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "store/credentials.h"
#include "store/http.h"
#include "store/retry.h"
#include "store/store.h"

namespace cdc::store {

struct S3Options {
  std::string bucket;
  std::string prefix;  // without slashes at its ends; empty: the whole bucket
  std::string region = "us-east-1";
  std::string endpoint;  // "http://localhost:9000"; empty: AWS
  bool path_style = false;
  Credentials credentials;
  HttpOptions http;
  RetryLimits retry;
  int64_t list_page_max = 1000;  // keys a request; S3 gives no more
  const Clock* clock = &Clock::System();
};

// Sends nothing yet. Invalid options (no keys, an endpoint that is no URL) are kPermanent.
arrow::Result<std::unique_ptr<Store>> OpenS3Store(S3Options options);

}  // namespace cdc::store

#pragma once

#include <arrow/result.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/body_checksum.h"
#include "store/circuit_breaker.h"
#include "store/http.h"
#include "store/s3_address.h"
#include "store/s3_error.h"
#include "store/s3_store.h"

namespace cdc::store {

struct S3Request {
  std::string operation;  // "put s3://lake/raw/k", for messages
  std::string method;
  std::string key;  // with the prefix; empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  const Spool* body = nullptr;
  int64_t reply_bytes_max = 1 << 20;
  std::optional<UtcTime> signed_at;
  // For conditional writes: a look at the store, made before another try when an earlier one may
  // have been carried out. True: the condition cannot hold any more, so another try could only be
  // refused — and would perhaps never be answered, for servers refuse before they have read the
  // body and then cut the connection.
  std::function<bool()> condition_lost;
};

struct S3Reply {
  HttpReply http;
  S3Error error;                       // when not ok()
  int64_t credentials_generation = 0;  // what it was signed with
  bool ok() const { return http.status >= 200 && http.status < 300; }
};

// Signed requests to one bucket, retried inside a budget. Thread-safe.
class S3Client {
 public:
  static arrow::Result<std::unique_ptr<S3Client>> Open(S3Options options);

  // A success, or the error that another try would not change. Retries used up: kTransient; then
  // for some seconds every call has one try only, until one is answered (circuit_breaker.h).
  arrow::Result<S3Reply> Send(const S3Request& request);
  // One try, with so much time for all but its body.
  arrow::Result<S3Reply> SendOnce(const S3Request& request, std::chrono::milliseconds time_max);

  arrow::Status Explain(const S3Request& request, const S3Error& error) const;
  std::vector<std::string> TakeNotes();

 private:
  explicit S3Client(S3Options options);

  struct Target {
    std::string region;
    S3Location location;
  };

  Target target() const;
  // With the credentials in use; says of which generation they are.
  arrow::Result<HttpRequest> Sign(const S3Request& request, std::chrono::milliseconds time_max,
                                  int64_t* generation) const;
  arrow::Result<CredentialsCache::Held> CurrentCredentials() const;
  // Whether there are newer credentials than those that the store has just called expired.
  arrow::Result<bool> RenewCredentials(const S3Reply& reply);
  arrow::Result<HttpReply> FetchErrorOfHead(const S3Request& request,
                                            std::chrono::milliseconds time_max);
  arrow::Status GaveUp(const S3Request& request, const arrow::Result<S3Reply>& last,
                       int tries) const;
  arrow::Result<bool> MoveToRegion(const S3Error& error);
  // Whether the body is worth another try with another checksum.
  bool ChangeChecksum(const S3Error& error);
  arrow::Result<S3Location> Locate(const std::string& region) const;

  const S3Options options_;
  HttpClient http_;
  CircuitBreaker breaker_;
  std::atomic<bool> answered_ = false;  // something at the address has spoken HTTP to us
  std::atomic<BodyChecksum> checksum_;
  std::atomic<bool> bucket_seen_ = false;  // so that a 404 without a body is about the key
  mutable Mutex mutex_;
  Target target_ GUARDED_BY(mutex_);
  bool moved_ GUARDED_BY(mutex_) = false;
  std::vector<std::string> notes_ GUARDED_BY(mutex_);
};

}  // namespace cdc::store

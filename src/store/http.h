#pragma once

#include <arrow/result.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/spool.h"

namespace cdc::store {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;  // GET, HEAD, PUT, POST, DELETE
  std::string url;     // absolute and percent-encoded: sent as it stands
  std::vector<HttpHeader> headers;
  const Spool* body = nullptr;  // sealed; for PUT and POST
  // Waits for a connection and for a silent server only shortly: for a server that was away a
  // moment ago.
  bool impatient = false;
  // A longer body of a success is broken off: kPermanent. Of an error the first kErrorBytesMax count.
  int64_t reply_bytes_max = INT64_MAX;
  // From its begin to the end of its answer, however bytes trickle meanwhile; then kTransient. What
  // is received adds its own time (HttpOptions::TimeFor); for what is sent the caller adds it.
  std::chrono::milliseconds time_max{60'000};
};

// What says why a request was refused is short.
inline constexpr int64_t kErrorBytesMax = 64 << 10;
// All header lines of a reply together; a longer head is broken off: kPermanent.
inline constexpr int64_t kHeadBytesMax = 256 << 10;

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // "" when the reply has no such header. `name` in lower case.
  const std::string& Header(const std::string& name) const;
};

struct HttpOptions {
  std::string ca_bundle;                // a PEM file; empty: the system's
  bool use_proxy = true;                // as http_proxy, https_proxy and no_proxy say
  int64_t reply_bytes_max = INT64_MAX;  // as in HttpRequest, for all of them
  std::chrono::milliseconds connect_timeout{10'000};
  // Without a single byte in either direction. A store may hold a conditional write back while
  // another one runs (MinIO: half a minute), so this is not short.
  std::chrono::seconds stall_timeout{45};
  // What is slower for a whole request hangs. Half a megabit a second for each of some requests at
  // once is a line over which change data would never catch up.
  int64_t bytes_per_second_min = 64 << 10;
  // From the body's last byte to the end of the answer: longer than a silence may be, and far
  // shorter than what a large body is given.
  std::chrono::milliseconds answer_max{60'000};

  std::chrono::milliseconds TimeFor(int64_t bytes) const {
    return std::chrono::milliseconds(bytes * 1'000 / bytes_per_second_min);
  }
};

// HTTP/1.1 requests over connections that are kept open. Follows no redirects. Thread-safe.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status code is a reply. An error means that there was none: the request may or may not have
  // been carried out. kTransient: no connection, a reset, a timeout, a short body; kPermanent: a
  // bad URL, a certificate that cannot be trusted.
  arrow::Result<HttpReply> Perform(const HttpRequest& request);

  // How many connections were opened until now; far fewer than requests, if they are kept open.
  int64_t connections_opened() const { return connections_opened_; }

 private:
  class Handle;  // one libcurl easy handle with its own connections
  std::unique_ptr<Handle> Take();
  void GiveBack(std::unique_ptr<Handle> handle);

  const HttpOptions options_;
  std::atomic<int64_t> connections_opened_ = 0;
  Mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_ GUARDED_BY(mutex_);
};

}  // namespace cdc::store

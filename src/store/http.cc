#include "store/http.h"

#include <arrow/util/logging.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "base/hidden.h"
#include "store/store.h"

namespace cdc::store {
namespace {

// An impatient request's timeouts. Conditional writes that race were seen to take up to 5 s.
constexpr std::chrono::milliseconds kImpatientConnect{2'000};
constexpr std::chrono::seconds kImpatientStall{6};
constexpr std::chrono::milliseconds kImpatientAnswer{10'000};
// What the kernel has taken may not be on its way yet: the usual greatest net.ipv4.tcp_wmem.
constexpr int64_t kKernelBuffer = 4 << 20;
// libcurl waits a second for "100 Continue" before it sends a body, and not every server says so.
// What a server refuses by a request's head alone is worth that only where the body is long.
constexpr int64_t kExpectBytesMin = 1 << 20;
constexpr size_t kIdleHandlesMax = 32;  // more threads than this share nothing but lose reuse

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// When a request has taken too long as a whole. A peer that sends or takes a byte now and then
// never meets the stall timeout.
class Watch {
 public:
  Watch(const HttpRequest& request, const HttpOptions& options)
      : options_(options),
        time_max_(request.time_max),
        answer_max_(request.impatient ? std::min(options.answer_max, kImpatientAnswer)
                                      : options.answer_max),
        body_bytes_(request.body != nullptr ? request.body->size_bytes() : 0) {}

  bool IsLate(int64_t sent, int64_t received) {
    sent_ = sent;
    received_ = received;
    const auto now = steady_clock::now();
    if (!all_sent_ && sent >= body_bytes_) all_sent_ = now;
    const milliseconds extra = options_.TimeFor(received);
    late_ = now - started_ > time_max_ + extra;
    if (body_bytes_ > 0 && all_sent_) {
      const milliseconds buffered = options_.TimeFor(std::min(body_bytes_, kKernelBuffer));
      late_ = late_ || now - *all_sent_ > answer_max_ + buffered + extra;
    }
    return late_;
  }
  bool late() const { return late_; }
  std::string Describe() const {
    const std::chrono::duration<double> took = steady_clock::now() - started_;
    return fmt::format("timeout: no whole answer after {:.1f} s, {} of {} bytes sent, {} received",
                       took.count(), std::min(sent_, body_bytes_), body_bytes_, received_);
  }

 private:
  const HttpOptions& options_;
  const milliseconds time_max_;
  const milliseconds answer_max_;
  const int64_t body_bytes_;
  const steady_clock::time_point started_ = steady_clock::now();
  std::optional<steady_clock::time_point> all_sent_;
  int64_t sent_ = 0;
  int64_t received_ = 0;
  bool late_ = false;
};

// The state of one request while libcurl calls back.
struct Exchange {
  Exchange(const HttpRequest& request, const HttpOptions& options)
      : body(request.body),
        reply_bytes_max(std::min(options.reply_bytes_max, request.reply_bytes_max)),
        watch(request, options) {}
  // Whether the body that comes is that of an error; of it as much as is kept is enough.
  bool HasError() const { return reply.status >= 300; }
  bool HasWholeError() const { return HasError() && std::ssize(reply.body) >= kErrorBytesMax; }

  const Spool* body;
  const int64_t reply_bytes_max;
  Watch watch;
  int64_t offset = 0;
  int64_t head_bytes = 0;
  arrow::Status read_status;
  HttpReply reply;
};

// At least once a second, whatever happens or does not. Not 0: the request is broken off.
int OnProgress(void* user, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  return static_cast<Exchange*>(user)->watch.IsLate(sent, received) ? 1 : 0;
}

size_t OnRead(char* out, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  auto read = exchange.body->ReadAt(exchange.offset, out, static_cast<int64_t>(size * count));
  if (!read.ok()) {
    exchange.read_status = read.status();
    return CURL_READFUNC_ABORT;
  }
  exchange.offset += *read;
  return static_cast<size_t>(*read);
}

int OnSeek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) {
    return CURL_SEEKFUNC_CANTSEEK;
  }
  static_cast<Exchange*>(user)->offset = offset;
  return CURL_SEEKFUNC_OK;
}

size_t OnWrite(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const size_t more = size * count;
  std::string& body = exchange.reply.body;
  const int64_t room =
      (exchange.HasError() ? kErrorBytesMax : exchange.reply_bytes_max) - std::ssize(body);
  const size_t taken = std::min(more, static_cast<size_t>(room));
  body.append(data, taken);
  return taken == more ? more : 0;  // 0: CURLE_WRITE_ERROR
}

std::string_view Trim(std::string_view text) {
  const char* blanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  HttpReply& reply = exchange.reply;
  const std::string_view line(data, size * count);
  exchange.head_bytes += std::ssize(line);
  if (exchange.head_bytes > kHeadBytesMax) return 0;  // CURLE_WRITE_ERROR
  if (line.starts_with("HTTP/")) {                    // a final reply follows a "100 Continue"
    reply.headers.clear();
    const size_t blank = std::min(line.find(' '), line.size() - 1);
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), reply.status);
    return line.size();
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply.headers[std::move(name)] = std::string(Trim(line.substr(colon + 1)));
  }
  return line.size();
}

class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void Add(const HttpHeader& header) {
    // A header without a value is written with a semicolon; with a colon libcurl would remove it.
    const std::string line = header.value.empty()
                                 ? fmt::format("{};", header.name)
                                 : fmt::format("{}: {}", header.name, header.value);
    list_ = curl_slist_append(list_, line.c_str());
  }
  // Of those that libcurl would send by itself.
  void Remove(const char* name) {
    list_ = curl_slist_append(list_, fmt::format("{}:", name).c_str());
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

arrow::Status TooLong(const Exchange& exchange) {
  const std::string what =
      exchange.head_bytes > kHeadBytesMax
          ? fmt::format("the reply's head is longer than {} bytes", kHeadBytesMax)
          : fmt::format("the reply is longer than {} bytes", exchange.reply_bytes_max);
  return MakeError(ErrorKind::kPermanent, what);
}

arrow::Status NoReply(CURLcode code, const char* text, const HttpRequest& request,
                      const HttpOptions& options) {
  const std::string what = *text != '\0' ? text : curl_easy_strerror(code);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return MakeError(ErrorKind::kPermanent,
                       fmt::format("the server's certificate is not trusted: {}; set ca_bundle "
                                   "(AWS_CA_BUNDLE) to the PEM file of its authority",
                                   what));
    case CURLE_SSL_CACERT_BADFILE:
      return MakeError(
          ErrorKind::kPermanent,
          fmt::format("cannot read the certificates in \"{}\": {}", options.ca_bundle, what));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return MakeError(ErrorKind::kPermanent, fmt::format("{}: {}", HideInUrl(request.url), what));
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return MakeError(
          ErrorKind::kTransient,
          fmt::format("{}; is the endpoint right, and can this machine reach it?", what));
    case CURLE_OPERATION_TIMEDOUT:
      return MakeError(ErrorKind::kTransient, fmt::format("timeout: {}", what));
    default:
      return MakeError(ErrorKind::kTransient, what);
  }
}

}  // namespace

const std::string& HttpReply::Header(const std::string& name) const {
  static const std::string kNone;
  const auto found = headers.find(name);
  return found == headers.end() ? kNone : found->second;
}

class HttpClient::Handle {
 public:
  Handle() : curl_(curl_easy_init()) { ARROW_CHECK(curl_ != nullptr); }
  ~Handle() { curl_easy_cleanup(curl_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  arrow::Result<HttpReply> Perform(const HttpRequest& request, const HttpOptions& options) {
    Exchange exchange(request, options);
    HeaderList headers;
    for (const auto& header : request.headers) {
      headers.Add(header);
    }
    if (request.body != nullptr && request.body->size_bytes() < kExpectBytesMin) {
      headers.Remove("Expect");
    }
    char error[CURL_ERROR_SIZE] = "";
    curl_easy_reset(curl_);  // keeps the connections
    Set(CURLOPT_ERRORBUFFER, error);
    Set(CURLOPT_HTTPHEADER, headers.get());
    Prepare(request, options, &exchange);
    const CURLcode code = curl_easy_perform(curl_);
    // libcurl holds pointers into this frame; the next use sets them all again.
    Set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
    ARROW_RETURN_NOT_OK(exchange.read_status);
    if (code == CURLE_ABORTED_BY_CALLBACK && exchange.watch.late()) {
      return MakeError(ErrorKind::kTransient, exchange.watch.Describe());
    }
    if (code == CURLE_WRITE_ERROR && exchange.head_bytes <= kHeadBytesMax &&
        exchange.HasWholeError()) {
      return std::move(exchange.reply);
    }
    if (code == CURLE_WRITE_ERROR) return TooLong(exchange);
    if (code != CURLE_OK) {
      return NoReply(code, error, request, options);
    }
    long status = 0;  // NOLINT(google-runtime-int): libcurl's type
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    exchange.reply.status = static_cast<int>(status);
    return std::move(exchange.reply);
  }

  // How many connections the last request opened: 0 when one was there.
  int64_t ConnectionsOfLast() const {
    long count = 0;  // NOLINT(google-runtime-int): libcurl's type
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &count);
    return count;
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    ARROW_CHECK(curl_easy_setopt(curl_, option, value) == CURLE_OK);
  }

  void SetTimeouts(std::chrono::milliseconds connect, std::chrono::seconds stall) {
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
    Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    Set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall.count()));
  }

  void Prepare(const HttpRequest& request, const HttpOptions& options, Exchange* exchange) {
    Set(CURLOPT_URL, request.url.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);  // keys may have "." and ".." in them
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    Set(CURLOPT_USERAGENT, "cdc-to-s3");
    SetTimeouts(request.impatient ? std::min(options.connect_timeout, kImpatientConnect)
                                  : options.connect_timeout,
                request.impatient ? std::min(options.stall_timeout, kImpatientStall)
                                  : options.stall_timeout);
    if (!options.use_proxy) {
      Set(CURLOPT_NOPROXY, "*");
    }
    if (!options.ca_bundle.empty()) {
      Set(CURLOPT_CAINFO, options.ca_bundle.c_str());
    }
    Set(CURLOPT_XFERINFOFUNCTION, OnProgress);
    Set(CURLOPT_XFERINFODATA, exchange);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_HEADERFUNCTION, OnHeader);
    Set(CURLOPT_HEADERDATA, exchange);
    Set(CURLOPT_WRITEFUNCTION, OnWrite);
    Set(CURLOPT_WRITEDATA, exchange);
    if (request.body != nullptr) {
      Set(CURLOPT_UPLOAD, 1L);
      Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
      Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size_bytes()));
      Set(CURLOPT_READFUNCTION, OnRead);
      Set(CURLOPT_READDATA, exchange);
      Set(CURLOPT_SEEKFUNCTION, OnSeek);
      Set(CURLOPT_SEEKDATA, exchange);
    } else if (request.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
      Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  CURL* curl_;
};

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  ARROW_CHECK(kInitialised == CURLE_OK);
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::Take() {
  const MutexLock lock(mutex_);
  if (idle_.empty()) {
    return std::make_unique<Handle>();
  }
  auto handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpClient::GiveBack(std::unique_ptr<Handle> handle) {
  const MutexLock lock(mutex_);
  if (idle_.size() < kIdleHandlesMax) {
    idle_.push_back(std::move(handle));
  }
}

arrow::Result<HttpReply> HttpClient::Perform(const HttpRequest& request) {
  auto handle = Take();
  auto reply = handle->Perform(request, options_);
  connections_opened_ += handle->ConnectionsOfLast();
  GiveBack(std::move(handle));
  return reply;
}

}  // namespace cdc::store

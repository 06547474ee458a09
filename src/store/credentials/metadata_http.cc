#include "store/credentials/metadata_http.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/retry.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr size_t kSummaryBytesMax = 200;

bool IsServersFault(const HttpReply& reply) { return reply.status >= 500 || reply.status == 429; }

}  // namespace

HttpOptions LocalServiceOptions() {
  HttpOptions options;
  options.use_proxy = false;
  options.connect_timeout = std::chrono::milliseconds(1'000);
  options.stall_timeout = std::chrono::seconds(2);
  options.reply_bytes_max = 1 << 20;
  return options;
}

arrow::Result<HttpReply> PerformPatiently(HttpClient& http, const HttpRequest& request,
                                          int tries_max) {
  RetryLimits limits;
  limits.tries_max = tries_max;
  limits.budget = std::chrono::milliseconds(10'000);
  Backoff backoff(limits, Clock::System());
  while (true) {
    auto reply = http.Perform(request);
    const bool again =
        reply.ok() ? IsServersFault(*reply) : KindOf(reply.status()) == ErrorKind::kTransient;
    if (!again || !backoff.Pause(std::chrono::milliseconds(0), /*answered=*/true)) {
      return reply;
    }
  }
}

std::string Summary(const HttpReply& reply) {
  std::string text = reply.body.substr(0, kSummaryBytesMax);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return fmt::format("HTTP {}{}{}", reply.status, text.empty() ? "" : ": ", text);
}

}  // namespace cdc::store

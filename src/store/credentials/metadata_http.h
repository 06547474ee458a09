#pragma once

#include <arrow/result.h>

#include <string>

#include "base/clock.h"
#include "store/http.h"

namespace cdc::store {

// For services on this machine or beside it that give out credentials: no proxy, short timeouts.
HttpOptions LocalServiceOptions();

// Sends it up to `tries_max` times, with short pauses, while there is no reply or the server is at
// fault (5xx, 429). An error, always kTransient or kPermanent, means that there was no reply.
arrow::Result<HttpReply> PerformPatiently(HttpClient& http, const HttpRequest& request,
                                          int tries_max);

// "HTTP 403: AccessDenied", with the beginning of what else the server says on one line.
std::string Summary(const HttpReply& reply);

}  // namespace cdc::store

#pragma once

#include <arrow/result.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "status/listener.h"

namespace cdc::status {

struct Page {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = "";
  std::string policy = "";  // Content-Security-Policy; "": nothing may be loaded or run
};

// What stands at a path; a page with code 404 if nothing does. Called by one thread at a time.
using Pages = std::function<Page(const std::string& path)>;

// Who is answered.
struct Visitors {
  std::string token;               // "": nobody needs one; else everything but /healthz does
  std::vector<std::string> names;  // host names that a request may be for, beside those that
                                   // IsTrustedHost takes; without a token alone
  ListenLimits limits = {};
};

// The whole answer, headers and all, to the head of a request; an empty head: one that was too
// long.
std::string AnswerTo(std::string_view head, const Pages& pages, const Visitors& visitors);

// Serves pages over HTTP: GET and HEAD only, on one address.
class Server {
 public:
  // `listen`: host:port, [::1]:port; port 0 takes a free one. Invalid: the address cannot be used,
  // with what to do.
  static arrow::Result<std::unique_ptr<Server>> Start(const std::string& listen, Pages pages,
                                                      Visitors visitors = {});

  int port() const { return listener_->port(); }
  // Whether other machines reach it.
  bool open_to_others() const { return !listener_->loopback(); }

 private:
  explicit Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
  std::unique_ptr<Listener> listener_;
};

}  // namespace cdc::status

#pragma once

#include <arrow/result.h>

#include <functional>
#include <memory>
#include <string>

namespace cdc::status {

struct Page {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string policy;  // Content-Security-Policy; "": nothing may be loaded or run
};

// What stands at a path; a page with code 404 if nothing does. Called by several threads at a time.
using Pages = std::function<Page(const std::string& path)>;

// Serves pages over HTTP: GET and HEAD only, on one address, from a few threads of its own that
// take no signals. A client that is slow or many keeps others waiting, nothing else.
class Server {
 public:
  // `listen`: host:port, [::1]:port; port 0 takes a free one. Invalid: the address cannot be used,
  // with what to do.
  static arrow::Result<std::unique_ptr<Server>> Start(const std::string& listen, Pages pages);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cdc::status

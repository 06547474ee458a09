#pragma once

#include <arrow/result.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace cdc::status {

// What one client, and all of them, may cost.
struct ListenLimits {
  size_t connections = 64;         // one more, and the oldest is closed
  size_t head_bytes = 16 << 10;    // of a request
  size_t answer_bytes = 16 << 20;  // answers that are not taken yet; beyond it the oldest is closed
  std::chrono::milliseconds request{5'000};  // from the connection's begin to the head's end
  std::chrono::milliseconds answer{30'000};  // until it is taken whole
  std::chrono::milliseconds leaving{2'000};  // until the client closes, too
};

// Takes one request from each connection and gives one answer, all on one thread of its own that
// waits for no client and takes no signals. However many clients hold on, however slowly, one that
// asks at once is answered. Destroying it closes every connection at once.
class Listener {
 public:
  // The whole answer to the head of a request; an empty head: one that is too long. It is called
  // on the listener's thread and must not block.
  using Answer = std::function<std::string(std::string_view head)>;

  // port 0 takes a free one. IOError: what the system said.
  static arrow::Result<std::unique_ptr<Listener>> Start(const std::string& host, int port,
                                                        const ListenLimits& limits, Answer answer);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const;
  // Whether this machine alone reaches it.
  bool loopback() const;

 private:
  class Loop;
  explicit Listener(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace cdc::status

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cdc::store {

// Remembers that a store was away a moment ago, so that many calls in turn do not each use up their
// whole retry budget on it: with 200 objects ready and a minute for each, a flush would hang for
// three hours, hold its memory, and miss that the store came back. One call has tried for the whole
// budget; what a second one learns by trying as long is nothing new. So for a while after a call
// gave up, every call has one try. That try is a real one: the first that is answered closes the
// breaker, and everybody has the full budget again. A try that fails opens it anew, for a try may
// take longer than the breaker stays open.
//
// It is one store's own: that S3 is away says nothing about a local directory. It never refuses a
// call by itself, so it cannot make a store look away that is there. Thread-safe.
class CircuitBreaker {
 public:
  static constexpr std::chrono::seconds kOpenFor{10};

  explicit CircuitBreaker(const Clock& clock) : clock_(clock) {}

  bool IsOpen() const { return clock_.MonotonicNow().count() < open_until_ns_; }
  void Open() {
    open_until_ns_ =
        std::chrono::nanoseconds(clock_.MonotonicNow() + std::chrono::nanoseconds(kOpenFor))
            .count();
  }
  void Close() { open_until_ns_ = INT64_MIN; }

 private:
  const Clock& clock_;
  std::atomic<int64_t> open_until_ns_{INT64_MIN};  // by the monotonic clock
};

}  // namespace cdc::store

#pragma once

#include <chrono>

#include "base/clock.h"

namespace cdc::store {

// How long a call goes on trying. The first of the two limits ends it.
struct RetryLimits {
  int tries_max = 10;
  // From the first try to the end of the last, whatever each of them waits for; a body adds the
  // time that it may take once (HttpOptions::TimeFor). A minute is longer than servers hold a
  // conditional write back, and less than a person waits before asking what is wrong.
  std::chrono::milliseconds budget{60'000};
  // Instead of `budget` while nothing at the address has ever answered. Then it is likelier to be
  // wrong than away, and somebody who has just started the program waits to be told.
  std::chrono::milliseconds first_contact_budget{5'000};
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds pause_max{5'000};
};

// The pauses between the tries of one call: growing twofold, each a random part of that, so that
// many clients that failed together do not come back together ("full jitter").
class Backoff {
 public:
  Backoff(const RetryLimits& limits, const Clock& clock);

  // Sleeps before the next try, at least `at_least` (a server's Retry-After). False, at once, if
  // there is to be no next try. `answered`: the store has answered a request, now or earlier.
  bool Pause(std::chrono::milliseconds at_least, bool answered);
  // What the budget leaves for a try that begins now; never less than a try needs to be one.
  std::chrono::milliseconds Left() const;
  int tries() const { return tries_; }

 private:
  const RetryLimits limits_;
  const Clock& clock_;
  const std::chrono::nanoseconds started_;
  int tries_ = 1;
  std::chrono::milliseconds next_;
};

}  // namespace cdc::store

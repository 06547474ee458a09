#include "base/clock.h"

#include <ctime>

namespace cdc {

namespace {

class SystemClock : public Clock {
 public:
  UtcTime UtcNow() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  std::chrono::nanoseconds MonotonicNow() const override {
    timespec now{};
    // BOOTTIME, not MONOTONIC: a lease must not stand still while the machine sleeps.
    clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

}  // namespace cdc

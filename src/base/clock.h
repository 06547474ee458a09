#pragma once

#include <chrono>
#include <memory>

namespace cdc {

using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::milliseconds;

// The time, as an argument, so that a test can hold it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcTime UtcNow() const = 0;
  // Never goes back; says nothing about the time of day. Counts on while the machine sleeps.
  virtual std::chrono::nanoseconds MonotonicNow() const = 0;

  static const Clock& System();
};

class FakeClock : public Clock {
 public:
  explicit FakeClock(UtcTime now) : now_(now) {}
  UtcTime UtcNow() const override { return now_; }
  std::chrono::nanoseconds MonotonicNow() const override { return now_.time_since_epoch(); }
  void Advance(std::chrono::microseconds by) { now_ += by; }
  void Set(UtcTime now) { now_ = now; }

 private:
  UtcTime now_;
};

}  // namespace cdc

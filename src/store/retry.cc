#include "store/retry.h"

#include <algorithm>
#include <random>
#include <thread>

namespace cdc::store {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTryMin{1'000};

}  // namespace

Backoff::Backoff(const RetryLimits& limits, const Clock& clock)
    : limits_(limits), clock_(clock), started_(clock.MonotonicNow()), next_(limits.first_pause) {}

bool Backoff::Pause(milliseconds at_least, bool answered) {
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<milliseconds::rep> part(next_.count() / 4, next_.count());
  const milliseconds pause = std::max(at_least, milliseconds(part(random)));
  const milliseconds budget =
      answered ? limits_.budget : std::min(limits_.budget, limits_.first_contact_budget);
  const auto elapsed = clock_.MonotonicNow() - started_;
  if (tries_ >= limits_.tries_max || elapsed + pause > budget) {
    return false;
  }
  std::this_thread::sleep_for(pause);
  next_ = std::min(limits_.pause_max, next_ * 2);
  ++tries_;
  return true;
}

milliseconds Backoff::Left() const {
  const auto elapsed = clock_.MonotonicNow() - started_;
  return std::max(kTryMin, limits_.budget - std::chrono::floor<milliseconds>(elapsed));
}

}  // namespace cdc::store

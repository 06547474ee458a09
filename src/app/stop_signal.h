#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace cdc::app {

// SIGTERM and SIGINT become a flag that everything looks at. What does not end in time is broken
// off: the protocol survives that as it survives a crash. To be made before any other thread.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  const std::atomic<bool>& requested() const { return requested_; }

  // What is to be broken off when the signal comes; nothing: nothing.
  void OnStop(std::function<void()> cancel);

  // False when stopped.
  bool SleepFor(std::chrono::milliseconds pause);

 private:
  void Wait();

  sigset_t set_{};
  std::thread thread_;
  Mutex mutex_;
  CondVar wake_;
  std::function<void()> cancel_ GUARDED_BY(mutex_);
  std::atomic<bool> requested_{false};
  bool over_ GUARDED_BY(mutex_) = false;
};

}  // namespace cdc::app

#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace cdc::app {

// SIGTERM and SIGINT become a flag that everything looks at. What does not end in time is broken
// off: the protocol survives that as it survives a crash. To be made before any other thread and
// to end after everything that may hang; once one of the signals came, the process ends within
// the time even so, whatever hangs: a lock, a log that nobody reads, what runs after main.
// One at a time.
class StopSignal {
 public:
  // A supervisor usually waits 10 seconds.
  explicit StopSignal(std::chrono::milliseconds within = std::chrono::seconds(8));
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  const std::atomic<bool>& requested() const { return requested_; }

  // What is to be broken off when the signal comes; nothing: nothing. An earlier one is not
  // running any more when this returns.
  void OnStop(std::function<void()> cancel);

  // False when stopped.
  bool SleepFor(std::chrono::milliseconds pause);

 private:
  void Wait();

  const std::chrono::milliseconds within_;
  sigset_t set_{};
  std::thread thread_;
  Mutex mutex_;
  CondVar wake_;
  std::function<void()> cancel_ GUARDED_BY(mutex_);
  std::atomic<bool> requested_{false};
  bool over_ GUARDED_BY(mutex_) = false;
};

}  // namespace cdc::app

#include "app/stop_signal.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "app/wiring.h"
#include "base/events.h"

namespace cdc::app {

namespace {

constexpr std::chrono::seconds kStopWithin{8};  // a supervisor usually waits 10

}  // namespace

StopSignal::StopSignal() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGUSR1);                   // ours: ends the waiting thread
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // every thread made later inherits it
  thread_ = std::thread([this] { Wait(); });
}

StopSignal::~StopSignal() {
  {
    const MutexLock lock(mutex_);
    over_ = true;
  }
  wake_.NotifyAll();
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void StopSignal::OnStop(std::function<void()> cancel) {
  const MutexLock lock(mutex_);
  cancel_ = std::move(cancel);
}

bool StopSignal::SleepFor(std::chrono::milliseconds pause) {
  MutexLock lock(mutex_);
  wake_.WaitFor(mutex_, pause, [this] { return requested_.load(); });
  return !requested_;
}

void StopSignal::Wait() {
  int signal = 0;
  sigwait(&set_, &signal);
  if (signal == SIGUSR1) return;
  LogEvent(Level::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  MutexLock lock(mutex_);
  requested_ = true;
  wake_.NotifyAll();
  if (cancel_) cancel_();
  if (wake_.WaitFor(mutex_, kStopWithin, [this]() REQUIRES(mutex_) { return over_; })) return;
  LogEvent(
      Level::kWarn, "stopped_hard",
      {{"why", "the work in hand did not end in time; the next start finishes what is claimed"}});
  _exit(kExitDone);
}

}  // namespace cdc::app

#include "app/stop_signal.h"

#include <pthread.h>
#include <sys/time.h>
#include <unistd.h>

#include <utility>

#include "app/wiring.h"
#include "base/events.h"

namespace cdc::app {

namespace {

using std::chrono::milliseconds;

void ExitNow(int) { _exit(kExitDone); }

void OnSignal(int signal, void (*act)(int)) {
  struct sigaction action {};
  action.sa_handler = act;
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

// The kernel keeps this time: no thread of ours and no lock need go on for it to end the process.
void ExitAfter(milliseconds time) {
  OnSignal(SIGALRM, ExitNow);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);  // whoever started us may have left it blocked
  itimerval timer{};
  timer.it_value.tv_sec = time.count() / 1000;
  timer.it_value.tv_usec = time.count() % 1000 * 1000;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

StopSignal::StopSignal(milliseconds within) : within_(within) {
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
  // Nobody waits for them from here on, and there is nothing left to finish.
  OnSignal(SIGTERM, ExitNow);
  OnSignal(SIGINT, ExitNow);
  sigset_t ends = set_;
  sigdelset(&ends, SIGUSR1);
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

void StopSignal::OnStop(std::function<void()> cancel) {
  const MutexLock lock(mutex_);
  cancel_ = std::move(cancel);
}

bool StopSignal::SleepFor(milliseconds pause) {
  MutexLock lock(mutex_);
  wake_.WaitFor(mutex_, pause, [this] { return requested_.load(); });
  return !requested_;
}

void StopSignal::Wait() {
  int signal = 0;
  sigwait(&set_, &signal);
  if (signal == SIGUSR1) return;
  ExitAfter(within_);
  requested_ = true;
  LogEvent(Level::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  MutexLock lock(mutex_);
  wake_.NotifyAll();
  if (cancel_) cancel_();
  // A little before the kernel does it, for the one line that says so.
  const milliseconds patience = within_ - within_ / 16;
  if (wake_.WaitFor(mutex_, patience, [this]() REQUIRES(mutex_) { return over_; })) return;
  LogEvent(
      Level::kWarn, "stopped_hard",
      {{"why", "the work in hand did not end in time; the next start finishes what is claimed"}});
  _exit(kExitDone);
}

}  // namespace cdc::app

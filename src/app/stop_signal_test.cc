#include "app/stop_signal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "base/events.h"

namespace cdc::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = std::chrono::steady_clock;

constexpr milliseconds kWithin{800};

void HangForEver() {
  for (;;) std::this_thread::sleep_for(seconds(1));
}

// A process of its own that does `work`, writing to `told` when the signal may come; how it ends
// after SIGTERM, or nothing if it has to be killed.
std::optional<int> ExitCodeOf(const std::function<void(int told)>& work, milliseconds* took) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // whatever becomes of the test
    work(pipe_ends[1]);
    exit(0);
  }
  close(pipe_ends[1]);
  char ready = 0;
  EXPECT_EQ(read(pipe_ends[0], &ready, 1), 1);
  close(pipe_ends[0]);
  const auto began = Time::now();
  kill(child, SIGTERM);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0 && Time::now() - began < seconds(5)) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  *took = std::chrono::duration_cast<milliseconds>(Time::now() - began);
  if (WIFEXITED(status) && *took < seconds(5)) return WEXITSTATUS(status);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return std::nullopt;
}

void Ready(int told) { EXPECT_EQ(write(told, "x", 1), 1); }

void ExpectEndsInTime(const std::function<void(int told)>& work) {
  milliseconds took{};
  EXPECT_EQ(ExitCodeOf(work, &took), 0) << took.count() << " ms";
  EXPECT_LT(took, kWithin + seconds(1));
}

TEST(StopSignal, ends_the_process_although_what_it_breaks_off_hangs) {
  ExpectEndsInTime([](int told) {
    StopSignal stop(kWithin);
    stop.OnStop(HangForEver);
    Ready(told);
    while (stop.SleepFor(seconds(1))) continue;
  });
}

TEST(StopSignal, ends_the_process_although_nobody_takes_its_log) {
  ExpectEndsInTime([](int told) {
    SetEventSink([](const Event&) { HangForEver(); });
    StopSignal stop(kWithin);
    Ready(told);
    while (stop.SleepFor(seconds(1))) continue;
  });
}

TEST(StopSignal, ends_the_process_although_what_comes_after_it_hangs) {
  ExpectEndsInTime([](int told) {
    {
      StopSignal stop(kWithin);
      Ready(told);
      while (stop.SleepFor(seconds(1))) continue;
    }
    HangForEver();
  });
}

TEST(StopSignal, a_signal_after_its_end_ends_the_process_at_once) {
  ExpectEndsInTime([](int told) {
    { const StopSignal stop(kWithin); }
    Ready(told);
    HangForEver();
  });
}

TEST(StopSignal, tells_whoever_sleeps_and_lets_the_work_end_by_itself) {
  milliseconds took{};
  const auto code = ExitCodeOf(
      [](int told) {
        {
          StopSignal stop(kWithin);
          Ready(told);
          while (stop.SleepFor(seconds(30))) continue;
        }
        exit(7);
      },
      &took);
  EXPECT_EQ(code, 7);
  EXPECT_LT(took, kWithin / 2);
}

}  // namespace
}  // namespace cdc::app

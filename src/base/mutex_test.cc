#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace cdc {
namespace {

using namespace std::chrono_literals;

TEST(Mutex, a_wait_gives_it_up_and_has_it_back) {
  Mutex mutex;
  CondVar changed;
  bool asked = false, answered = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    changed.Wait(mutex, [&] { return asked; });
    answered = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(mutex);
    asked = true;
    changed.NotifyAll();
    EXPECT_TRUE(changed.WaitFor(mutex, 60s, [&] { return answered; }));
    EXPECT_FALSE(changed.WaitFor(mutex, 1ms, [] { return false; }));
    std::thread([&] { EXPECT_FALSE(mutex.TryLock()); }).join();
    lock.Unlock();
    std::thread([&] {
      const bool free = mutex.TryLock();
      EXPECT_TRUE(free);
      if (free) mutex.Unlock();
    }).join();
    lock.Lock();
  }
  other.join();
}

}  // namespace
}  // namespace cdc

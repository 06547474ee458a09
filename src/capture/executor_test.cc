#include "capture/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace cdc::capture {
namespace {

using arrow::Status;
using Lane = Executor::Lane;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Runs all that tasks left to do; false when it takes too long.
bool RunAll(Executor& executor) {
  while (executor.under_way() > 0) {
    const auto then = executor.Wait(seconds(10));
    if (!then || !(*then)().ok()) return false;
  }
  return true;
}

TEST(Executor, runs_tasks_beside_each_other_and_their_ends_on_the_waiting_thread) {
  const auto executor = MakeThreads(3);
  std::atomic<int> together{0};
  std::set<std::thread::id> ends;
  for (int i = 0; i < 3; ++i) {
    executor->Post(Lane::kRead, [&] {
      ++together;
      // Ends only when all three run at the same time.
      for (int tries = 0; together < 3 && tries < 1'000; ++tries) {
        std::this_thread::sleep_for(milliseconds(10));
      }
      return [&] {
        ends.insert(std::this_thread::get_id());
        return together == 3 ? Status::OK() : Status::Invalid("one after the other");
      };
    });
  }
  EXPECT_TRUE(RunAll(*executor));
  EXPECT_EQ(ends, std::set{std::this_thread::get_id()});
}

TEST(Executor, a_lane_that_is_busy_does_not_hold_the_other_one_up) {
  const auto executor = MakeThreads(1);
  std::atomic<bool> release{false};
  executor->Post(Lane::kRead, [&] {
    for (int tries = 0; !release && tries < 1'000; ++tries) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    return [] { return Status::OK(); };
  });
  bool put = false;
  executor->Post(Lane::kPut, [&] {
    return [&] {
      put = true;
      return Status::OK();
    };
  });
  const auto then = executor->Wait(seconds(10));
  ASSERT_TRUE(then);
  ASSERT_TRUE((*then)().ok());
  EXPECT_TRUE(put);
  release = true;
  EXPECT_TRUE(RunAll(*executor));
}

TEST(Executor, waits_no_longer_than_it_was_told) {
  const auto executor = MakeThreads(1);
  EXPECT_FALSE(executor->Wait(seconds(10)));  // nothing is under way
  executor->Post(Lane::kRead, [] {
    std::this_thread::sleep_for(milliseconds(200));
    return [] { return Status::OK(); };
  });
  EXPECT_FALSE(executor->Wait(milliseconds(1)));
  EXPECT_EQ(executor->under_way(), 1u);
  EXPECT_TRUE(RunAll(*executor));
}

TEST(Executor, forgets_what_is_abandoned_but_waits_for_what_has_begun) {
  const auto executor = MakeThreads(1);
  std::atomic<bool> begun{false}, ended{false};
  int thens = 0;
  for (int i = 0; i < 3; ++i) {
    executor->Post(Lane::kRead, [&] {
      begun = true;
      std::this_thread::sleep_for(milliseconds(100));
      ended = true;
      return [&] {
        ++thens;
        return Status::OK();
      };
    });
  }
  for (int tries = 0; !begun && tries < 1'000; ++tries) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  executor->Abandon();
  EXPECT_TRUE(ended);
  EXPECT_EQ(executor->under_way(), 0u);
  EXPECT_FALSE(executor->Wait(milliseconds(1)));
  EXPECT_EQ(thens, 0);
}

}  // namespace
}  // namespace cdc::capture

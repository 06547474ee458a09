#include "capture/executor.h"

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace cdc::capture {

namespace {

class Threads : public Executor {
 public:
  explicit Threads(size_t per_lane) : per_lane_(per_lane) {}

  ~Threads() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    for (LaneState& lane : lanes_) lane.wake.notify_all();
    for (LaneState& lane : lanes_) {
      for (std::thread& thread : lane.threads) thread.join();
    }
  }

  void Post(Lane which, Task task) override {
    const std::lock_guard lock(mutex_);
    LaneState& lane = lanes_[static_cast<size_t>(which)];
    lane.tasks.push_back(std::move(task));
    ++under_way_;
    if (lane.tasks.size() > lane.idle && lane.threads.size() < per_lane_) {
      lane.threads.emplace_back([this, &lane] { Work(lane); });
    }
    lane.wake.notify_one();
  }

  std::optional<Then> Wait(std::chrono::nanoseconds at_most) override {
    std::unique_lock lock(mutex_);
    if (under_way_ == 0) return std::nullopt;
    if (!ended_.wait_for(lock, at_most, [this] { return !thens_.empty(); })) return std::nullopt;
    Then then = std::move(thens_.front());
    thens_.pop_front();
    --under_way_;
    return then;
  }

  size_t under_way() const override {
    const std::lock_guard lock(mutex_);
    return under_way_;
  }

  void Abandon() override {
    std::unique_lock lock(mutex_);
    for (LaneState& lane : lanes_) {
      under_way_ -= lane.tasks.size();
      lane.tasks.clear();
    }
    ended_.wait(lock, [this] { return thens_.size() == under_way_; });
    std::deque<Then> forgotten;
    forgotten.swap(thens_);  // and destroyed without the lock
    under_way_ = 0;
    lock.unlock();
  }

 private:
  struct LaneState {
    std::deque<Task> tasks;
    std::vector<std::thread> threads;
    std::condition_variable wake;
    size_t idle = 0;
  };

  void Work(LaneState& lane) {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++lane.idle;
      lane.wake.wait(lock, [&] { return over_ || !lane.tasks.empty(); });
      --lane.idle;
      if (lane.tasks.empty()) return;
      Task task = std::move(lane.tasks.front());
      lane.tasks.pop_front();
      lock.unlock();
      Then then = task();
      task = nullptr;  // what it holds is let go here, not under the lock
      lock.lock();
      thens_.push_back(std::move(then));
      ended_.notify_all();
    }
  }

  const size_t per_lane_;
  mutable std::mutex mutex_;
  std::array<LaneState, 2> lanes_;
  std::deque<Then> thens_;
  std::condition_variable ended_;
  size_t under_way_ = 0;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<Executor> MakeThreads(size_t threads_per_lane) {
  return std::make_unique<Threads>(threads_per_lane);
}

}  // namespace cdc::capture

#include "capture/executor.h"

#include <array>
#include <deque>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace cdc::capture {

namespace {

class Threads : public Executor {
 public:
  explicit Threads(size_t per_lane) : per_lane_(per_lane) {}

  ~Threads() override {
    {
      const MutexLock lock(mutex_);
      over_ = true;
    }
    for (LaneState& lane : lanes_) lane.wake.NotifyAll();
    for (LaneState& lane : lanes_) {
      for (std::thread& thread : lane.threads) thread.join();
    }
  }

  void Post(Lane which, Task task) override {
    const MutexLock lock(mutex_);
    LaneState& lane = lanes_[static_cast<size_t>(which)];
    lane.tasks.push_back(std::move(task));
    ++under_way_;
    if (lane.tasks.size() > lane.idle && lane.threads.size() < per_lane_) {
      lane.threads.emplace_back([this, &lane] { Work(lane); });
    }
    lane.wake.NotifyOne();
  }

  std::optional<Then> Wait(std::chrono::nanoseconds at_most) override {
    MutexLock lock(mutex_);
    if (under_way_ == 0) return std::nullopt;
    if (!ended_.WaitFor(mutex_, at_most, [this]() REQUIRES(mutex_) { return !thens_.empty(); }))
      return std::nullopt;
    Then then = std::move(thens_.front());
    thens_.pop_front();
    --under_way_;
    return then;
  }

  size_t under_way() const override {
    const MutexLock lock(mutex_);
    return under_way_;
  }

  void Abandon() override {
    MutexLock lock(mutex_);
    for (LaneState& lane : lanes_) {
      under_way_ -= lane.tasks.size();
      lane.tasks.clear();
    }
    ended_.Wait(mutex_, [this]() REQUIRES(mutex_) { return thens_.size() == under_way_; });
    std::deque<Then> forgotten;
    forgotten.swap(thens_);  // and destroyed without the lock
    under_way_ = 0;
    lock.Unlock();
  }

 private:
  struct LaneState {
    std::deque<Task> tasks;
    std::vector<std::thread> threads;
    CondVar wake;
    size_t idle = 0;
  };

  void Work(LaneState& lane) {
    MutexLock lock(mutex_);
    for (;;) {
      ++lane.idle;
      lane.wake.Wait(mutex_, [&]() REQUIRES(mutex_) { return over_ || !lane.tasks.empty(); });
      --lane.idle;
      if (lane.tasks.empty()) return;
      Task task = std::move(lane.tasks.front());
      lane.tasks.pop_front();
      lock.Unlock();
      Then then = task();
      task = nullptr;  // what it holds is let go here, not under the lock
      lock.Lock();
      thens_.push_back(std::move(then));
      ended_.NotifyAll();
    }
  }

  const size_t per_lane_;
  mutable Mutex mutex_;
  std::array<LaneState, 2> lanes_ GUARDED_BY(mutex_);
  std::deque<Then> thens_ GUARDED_BY(mutex_);
  CondVar ended_;
  size_t under_way_ GUARDED_BY(mutex_) = 0;
  bool over_ GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Executor> MakeThreads(size_t threads_per_lane) {
  return std::make_unique<Threads>(threads_per_lane);
}

}  // namespace cdc::capture

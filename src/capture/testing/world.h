#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/testing/fake_source.h"
#include "capture/testing/judge.h"
#include "store/testing/memory_store.h"

namespace cdc::capture::testing {

// A database, a store and a clock.
struct World {
  World() : clock(UtcTime(std::chrono::days(20'000))), store(clock) {
    options.database = "Shop";
    options.limits.max_rows = 4;
    options.limits.temp_dir = "/tmp";
    options.program_version = "test";
  }

  std::vector<SeenObject> Objects(const std::string& table) const {
    return SeeFolder(store.objects, "Shop/" + table + "/cdc");  // and its further folders
  }
  std::string Judge(const std::string& table) const {
    return JudgeFolder(Objects(table), database.tables.at("dbo." + table).history);
  }

  FakeClock clock;
  store::MemoryStore store;
  FakeDatabase database;
  Options options;
};

// Tasks on the caller's own thread, one whenever the rounds wait, in an order that a test may
// choose.
class OneThread : public Executor {
 public:
  // Which of `count` waiting tasks runs next.
  std::function<size_t(size_t count)> choose = [](size_t) { return size_t{0}; };

  void Post(Lane, Task task) override { tasks_.push_back(std::move(task)); }
  std::optional<Then> Wait(std::chrono::nanoseconds) override {
    if (tasks_.empty()) return std::nullopt;
    const auto chosen = tasks_.begin() + static_cast<int64_t>(choose(tasks_.size()));
    const Task task = std::move(*chosen);
    tasks_.erase(chosen);
    return task();
  }
  size_t under_way() const override { return tasks_.size(); }
  void Abandon() override { tasks_.clear(); }

 private:
  std::vector<Task> tasks_;
};

// A running copy of the program. All of its connections have `source`'s hooks.
class Writer {
 public:
  explicit Writer(World& world) : world_(world), observer_(&deaf_), source(world.database) {}
  Writer(World& world, progress::Observer& observer)
      : world_(world), observer_(&observer), source(world.database) {}
  Writer(World& world, Executor& other)
      : world_(world), observer_(&deaf_), source(world.database), executor_(&other) {}

  arrow::Status Start() {
    ARROW_ASSIGN_OR_RAISE(
        capture_, Capture::Start(world_.options, {source, sources_, *executor_, world_.store,
                                                  world_.store, world_.clock, stop_, *observer_}));
    return arrow::Status::OK();
  }
  arrow::Result<RoundReport> Round(const RoundLimits& limits = {}) {
    return capture_->Round(limits);
  }
  Capture& capture() { return *capture_; }
  bool started() const { return capture_ != nullptr; }

 private:
  World& world_;
  std::atomic<bool> stop_{false};
  progress::Observer deaf_;
  progress::Observer* observer_;

 public:
  FakeSource source;
  OneThread executor;

 private:
  Executor* executor_ = &executor;

 public:
 private:
  SourcePool sources_{[this]() -> arrow::Result<std::unique_ptr<source::Source>> {
    auto further = std::make_unique<FakeSource>(world_.database);
    further->hook = [this](const std::string& call) {
      return source.hook ? source.hook(call) : arrow::Status::OK();
    };
    further->like = &source;
    return further;
  }};
  std::unique_ptr<Capture> capture_;
};

}  // namespace cdc::capture::testing

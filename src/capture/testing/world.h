#pragma once

#include <memory>
#include <string>

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
    return SeeFolder(store.objects, "Shop/" + table + "/cdc/");
  }
  std::string Judge(const std::string& table) const {
    return JudgeFolder(Objects(table), database.tables.at("dbo." + table).history);
  }

  FakeClock clock;
  store::MemoryStore store;
  FakeDatabase database;
  Options options;
};

// A running copy of the program.
class Writer {
 public:
  explicit Writer(World& world) : world_(world), source(world.database) {}

  arrow::Status Start() {
    ARROW_ASSIGN_OR_RAISE(capture_, Capture::Start(world_.options, source, world_.store,
                                                   world_.store, world_.clock, stop_));
    return arrow::Status::OK();
  }
  arrow::Result<RoundReport> Round() { return capture_->Round(); }
  Capture& capture() { return *capture_; }
  bool started() const { return capture_ != nullptr; }

 private:
  World& world_;
  std::atomic<bool> stop_{false};

 public:
  FakeSource source;

 private:
  std::unique_ptr<Capture> capture_;
};

}  // namespace cdc::capture::testing

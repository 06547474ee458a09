#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/events.h"
#include "capture/testing/world.h"

namespace cdc::capture::testing {

// Several copies of the real capture code over one simulated database, store and clock. At any call
// of store or source a copy may be killed, lose a reply, be told that the store is away, or fall
// asleep while others work on (for seconds or for hours). Consumers move objects away as
// docs/FORMAT.md allows.
class Turmoil {
 public:
  explicit Turmoil(uint64_t seed) : random_(seed) {
    world_.options.limits.max_rows = 1 + static_cast<int64_t>(Below(5));
    world_.store.hook = [this](const std::string& call, const std::string& key) {
      return OnStore(call, key);
    };
  }
  virtual ~Turmoil() = default;

 protected:
  // What happens to the database beside the copies.
  virtual void Work() = 0;

  uint64_t Below(uint64_t end) {
    return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_);
  }

  // A transaction's changes of one table; none at times.
  std::vector<int32_t> SomeOperations() {
    std::vector<int32_t> list;
    for (uint64_t row = Below(2) * Below(9); row > 0; --row) {
      switch (Below(3)) {
        case 0:
          list.push_back(2);
          break;
        case 1:
          list.push_back(1);
          break;
        default:
          list.insert(list.end(), {3, 4});
      }
    }
    return list;
  }

  // A copy of the program that may meet anything.
  void RunCopy() {
    if (depth_ >= 3) return;
    ++depth_;
    try {
      Writer writer(world_);
      writer.source.hook = [this](const std::string&) {
        Interfere();
        if (Below(60) == 0) return arrow::Status::IOError("connection lost");
        return arrow::Status::OK();
      };
      writer.executor.choose = [this](size_t count) { return Below(count); };
      if (writer.Start().ok()) {
        for (uint64_t rounds = 1 + Below(3); rounds > 0; --rounds) {
          const auto report = writer.Round();
          if (!report.ok() && !Survives(report.status())) break;
          if (Below(2) == 0) Work();
        }
        if (Below(2) == 0) (void)writer.capture().Finish();
      }
    } catch (const Crash&) {
      // Killed: nothing more of this copy happens.
    }
    --depth_;
  }

  // An object may go once the next one of its table is older than an hour.
  void MoveConsumed() {
    std::map<std::string, std::vector<std::string>> keys;  // by folder
    for (const auto& [key, object] : world_.store.objects) {
      if (key.ends_with(".parquet")) keys[FolderOf(key)].push_back(key);
    }
    for (const auto& [folder, in_folder] : keys) {
      for (size_t i = 0; i + 1 < in_folder.size(); ++i) {
        const auto& next = world_.store.objects.at(in_folder[i + 1]);
        if (world_.clock.UtcNow() - next.put_at < std::chrono::hours(1) || Below(2) == 0) break;
        const auto gone = world_.store.objects.extract(in_folder[i]);
        consumed_[folder].push_back(See(in_folder[i], gone.mapped().bytes));
      }
    }
  }

  // All objects that there ever were, by folder, in the order of their names.
  std::map<std::string, std::vector<SeenObject>> Folders() const {
    auto folders = consumed_;
    for (const auto& [key, object] : world_.store.objects) {
      if (key.ends_with(".parquet")) folders[FolderOf(key)].push_back(See(key, object.bytes));
    }
    return folders;
  }

  std::optional<state::Document> Document() const {
    const auto found = world_.store.objects.find("_cdc_to_s3/Shop.json");
    if (found == world_.store.objects.end()) return std::nullopt;
    return state::Document::FromJson(found->second.bytes).ValueOrDie();
  }

  World world_;
  bool calm_ = false;   // nothing is killed, lost or away any more
  std::string alarms_;  // of copies that thought that all must stop

 private:
  struct Crash {};

  static std::string FolderOf(const std::string& key) { return key.substr(0, key.rfind('/') + 1); }

  bool Survives(const arrow::Status& status) {
    if (IsStopsEverything(status)) alarms_ += status.message() + "\n";
    return !IsStopsEverything(status) && !state::IsOwnershipLost(status) &&
           !state::IsUnsettled(status);
  }

  store::MemoryStore::Fault OnStore(const std::string& call, const std::string&) {
    using Fault = store::MemoryStore::Fault;
    if (calm_ || depth_ == 0) return Fault::kNone;
    Interfere();
    const bool writes = call == "put" || call == "swap";
    if (writes && Below(12) == 0) return Fault::kReplyLost;
    return Below(25) == 0 ? Fault::kNotApplied : Fault::kNone;
  }

  // At any call: killed, or asleep while others work.
  void Interfere() {
    if (calm_) return;
    if (Below(50) == 0) throw Crash{};
    if (Below(40) == 0) {
      world_.clock.Advance(std::chrono::seconds(Below(3) == 0 ? Below(7'200) : Below(20)));
      const int copies = static_cast<int>(Below(3));
      for (int i = 0; i < copies; ++i) {
        Work();
        RunCopy();
      }
      if (Below(3) == 0) MoveConsumed();
    }
  }

  std::mt19937_64 random_;
  int depth_ = 0;
  std::map<std::string, std::vector<SeenObject>> consumed_;  // by folder
};

inline int64_t FromEnvironment(const std::string& name, int64_t otherwise) {
  const char* text = std::getenv(name.c_str());
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

// Runs `run` for so many seeds, up to the first that goes wrong ("" is right): a failure prints how
// to repeat it. <prefix>_SEED=<n> replays one schedule, <prefix>_COUNT=<n> sets how many are run.
template <typename Run>
void RunSchedules(const std::string& prefix, int64_t count_by_default, Run run) {
  const int64_t only = FromEnvironment(prefix + "_SEED", -1);
  SetLogLevel(only >= 0 ? Level::kInfo : Level::kError);
  const int64_t count = only >= 0 ? 1 : FromEnvironment(prefix + "_COUNT", count_by_default);
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t seed = only >= 0 ? only : i;
    ASSERT_EQ(run(static_cast<uint64_t>(seed)), "")
        << "replay: " << prefix << "_SEED=" << seed
        << " build/capture_test --gtest_filter=" << test->test_suite_name() << "." << test->name();
  }
}

}  // namespace cdc::capture::testing

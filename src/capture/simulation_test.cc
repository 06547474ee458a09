#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/events.h"
#include "capture/testing/world.h"

// The commit protocol under random schedules: several copies of the real capture code over one
// simulated database, store and clock. At any call of store or source a copy may be killed, lose a
// reply, be told that the store is away, or fall asleep while another copy takes over and works on
// (for seconds or for hours). Consumers move objects away as docs/FORMAT.md allows. In the end the
// objects must hold each change exactly once, in order, in a chain without hole.
//
// CDC_SIMULATION_SEED=<n> replays one schedule, CDC_SIMULATION_COUNT=<n> sets how many are run.

namespace cdc::capture::testing {
namespace {

struct Crash {};

class Simulation {
 public:
  explicit Simulation(uint64_t seed, bool drops_metadata = false) : random_(seed) {
    world_.store.drops_metadata = drops_metadata;
    world_.options.limits.max_rows = 1 + static_cast<int64_t>(Below(5));
    for (const char* name : {"A", "B", "C"}) world_.database.AddTable("dbo", name);
    world_.store.hook = [this](const std::string& call, const std::string& key) {
      return OnStore(call, key);
    };
  }

  std::string Run() {
    for (int step = 0; step < 12; ++step) {
      CommitSome();
      RunCopy();
      world_.clock.Advance(std::chrono::milliseconds(Below(3'000)));
      if (Below(4) == 0) MoveConsumed();
      if (Below(3) == 0) world_.database.faulty.clear();
    }
    calm_ = true;
    CommitSome();
    world_.database.faulty.clear();
    for (int round = 0; round < 4; ++round) {
      world_.clock.Advance(std::chrono::minutes(2));
      const std::string trouble = RunCalmCopy();
      if (!trouble.empty()) return trouble;
    }
    return Judge();
  }

 private:
  uint64_t Below(uint64_t end) {
    return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_);
  }

  void CommitSome() {
    for (uint64_t i = Below(4); i > 0; --i) {
      std::map<std::string, std::vector<int32_t>> operations;
      for (const char* table : {"dbo.A", "dbo.B", "dbo.C"}) {
        for (uint64_t row = Below(2) * Below(9); row > 0; --row) {
          auto& list = operations[table];
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
      }
      const int64_t commit = world_.database.Commit(operations);
      for (const auto& [name, list] : operations) MarkSome(name, MakeLsn(commit));
    }
  }

  // Values that lose something, and values that stop their table until they are mended.
  void MarkSome(const std::string& table, const Lsn& commit) {
    for (const RowKey& row : world_.database.tables.at(table).rows) {
      if (row.start_lsn != commit) continue;
      if (Below(10) == 0) world_.database.altered.insert(row);
      if (Below(40) == 0) world_.database.faulty.insert(row);
    }
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
          if (Below(2) == 0) CommitSome();
        }
        if (Below(2) == 0) (void)writer.capture().Finish();
      }
    } catch (const Crash&) {
      // Killed: nothing more of this copy happens.
    }
    --depth_;
  }

  bool Survives(const arrow::Status& status) {
    if (IsStopsEverything(status)) alarms_ += status.message() + "\n";
    return !IsStopsEverything(status) && !state::IsOwnershipLost(status) &&
           !state::IsUnsettled(status);
  }

  std::string RunCalmCopy() {
    Writer writer(world_);
    if (const auto started = writer.Start(); !started.ok())
      return "cannot start: " + started.message();
    const auto report = writer.Round();
    if (!report.ok()) return "cannot end: " + report.status().message();
    for (const auto& [table, why] : report->stopped) return table + " stopped: " + why;
    const auto finished = writer.capture().Finish();
    return finished.ok() ? "" : finished.message();
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
        CommitSome();
        RunCopy();
      }
      if (Below(3) == 0) MoveConsumed();
    }
  }

  // An object may go once the next one of its table is older than an hour.
  void MoveConsumed() {
    for (const char* table : {"A", "B", "C"}) {
      const std::string folder = std::string("Shop/") + table + "/cdc/";
      std::vector<std::string> keys;
      for (const auto& [key, object] : world_.store.objects) {
        if (key.starts_with(folder)) keys.push_back(key);
      }
      for (size_t i = 0; i + 1 < keys.size(); ++i) {
        const auto& next = world_.store.objects.at(keys[i + 1]);
        if (world_.clock.UtcNow() - next.put_at < std::chrono::hours(1) || Below(2) == 0) break;
        consumed_[table].push_back(See(keys[i], world_.store.objects.at(keys[i]).bytes));
        world_.store.objects.erase(keys[i]);
      }
    }
  }

  std::string Judge() {
    if (!alarms_.empty()) return "false alarm: " + alarms_;
    for (const char* table : {"A", "B", "C"}) {
      std::vector<SeenObject> objects = consumed_[table];
      for (SeenObject& object : world_.Objects(table)) objects.push_back(std::move(object));
      const std::string wrong =
          JudgeFolder(objects, world_.database.tables.at(std::string("dbo.") + table).history);
      if (!wrong.empty()) return std::string("table ") + table + ": " + wrong;
      const std::string miscounted = JudgeAltered(table, objects);
      if (!miscounted.empty()) return std::string("table ") + table + ": " + miscounted;
    }
    return "";
  }

  std::string JudgeAltered(const std::string& table, const std::vector<SeenObject>& objects) {
    std::map<std::string, int64_t> in_footers;
    for (const SeenObject& object : objects) {
      std::map<std::string, int64_t> right;
      for (const RowKey& row : object.rows) {
        if (world_.database.altered.contains(row)) ++right["v"];
      }
      if (object.record.altered_values != right) return object.key + " counts altered values wrong";
      for (const auto& [column, count] : right) in_footers[column] += count;
    }
    const auto document = (*state::ReadDocument(world_.store, {"Shop", ""}))->document;
    return document.tables.at("dbo." + table).altered_values == in_footers
               ? ""
               : "the document counts other altered values than the footers";
  }

  std::mt19937_64 random_;
  World world_;
  bool calm_ = false;
  int depth_ = 0;
  std::map<std::string, std::vector<SeenObject>> consumed_;
  std::string alarms_;
};

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

void RunSchedules(int64_t count_by_default, bool drops_metadata) {
  SetLogLevel(Level::kError);
  const int64_t only = FromEnvironment("CDC_SIMULATION_SEED", -1);
  const int64_t count = only >= 0 ? 1 : FromEnvironment("CDC_SIMULATION_COUNT", count_by_default);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t seed = only >= 0 ? only : i;
    const std::string wrong = Simulation(static_cast<uint64_t>(seed), drops_metadata).Run();
    ASSERT_EQ(wrong, "") << "replay: CDC_SIMULATION_SEED=" << seed << " build/capture_test "
                         << "--gtest_filter=Simulation.*";
  }
}

TEST(Simulation, every_schedule_ends_with_each_change_exactly_once_and_in_order) {
  RunSchedules(250, /*drops_metadata=*/false);
}

TEST(Simulation, every_schedule_ends_so_where_the_store_drops_user_metadata) {
  RunSchedules(100, /*drops_metadata=*/true);
}

}  // namespace
}  // namespace cdc::capture::testing

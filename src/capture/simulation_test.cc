#include <gtest/gtest.h>

#include "capture/testing/turmoil.h"

// The commit protocol under random schedules of copies that are killed (turmoil.h). In the end the
// objects must hold each change exactly once, in order, in a chain without hole.
//
// CDC_SIMULATION_SEED=<n> replays one schedule, CDC_SIMULATION_COUNT=<n> sets how many are run.

namespace cdc::capture::testing {
namespace {

class Simulation : public Turmoil {
 public:
  explicit Simulation(uint64_t seed, bool drops_metadata = false) : Turmoil(seed) {
    world_.store.drops_metadata = drops_metadata;
    for (const char* name : {"A", "B", "C"}) world_.database.AddTable("dbo", name);
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
  void Work() override { CommitSome(); }

  void CommitSome() {
    for (uint64_t i = Below(4); i > 0; --i) {
      std::map<std::string, std::vector<int32_t>> operations;
      for (const char* table : {"dbo.A", "dbo.B", "dbo.C"}) {
        auto list = SomeOperations();
        if (!list.empty()) operations[table] = std::move(list);
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

  std::string Judge() {
    if (!alarms_.empty()) return "false alarm: " + alarms_;
    auto folders = Folders();
    for (const char* table : {"A", "B", "C"}) {
      const auto& objects = folders[std::string("Shop/") + table + "/cdc/"];
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
    return Document()->tables.at("dbo." + table).altered_values == in_footers
               ? ""
               : "the document counts other altered values than the footers";
  }
};

void RunAll(int64_t count, bool drops_metadata) {
  RunSchedules("CDC_SIMULATION", count,
               [&](uint64_t seed) { return Simulation(seed, drops_metadata).Run(); });
}

TEST(Simulation, every_schedule_ends_with_each_change_exactly_once_and_in_order) {
  RunAll(250, /*drops_metadata=*/false);
}

TEST(Simulation, every_schedule_ends_so_where_the_store_drops_user_metadata) {
  RunAll(100, /*drops_metadata=*/true);
}

}  // namespace
}  // namespace cdc::capture::testing

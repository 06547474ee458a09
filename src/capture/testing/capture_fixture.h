#pragma once

#include <gtest/gtest.h>

#include <string>

#include "capture/testing/world.h"

namespace cdc::capture::testing {

inline constexpr int32_t kDelete = 1, kInsert = 2, kBefore = 3, kAfter = 4;

// Two tables, A and B, and starts of the program over them.
class CaptureTest : public ::testing::Test {
 protected:
  CaptureTest() {
    world_.database.AddTable("dbo", "A");
    world_.database.AddTable("dbo", "B");
  }

  // A new start of the program and one round, in a new second.
  arrow::Result<RoundReport> RunOnce() {
    world_.clock.Advance(std::chrono::seconds(1));
    Writer writer(world_);
    ARROW_RETURN_NOT_OK(writer.Start());
    ARROW_ASSIGN_OR_RAISE(auto report, writer.Round());
    ARROW_RETURN_NOT_OK(writer.capture().Finish());
    return report;
  }
  state::Document Document() {
    return (*state::ReadDocument(world_.store, {"Shop", ""}))->document;
  }
  std::string WhyStopped(const RoundReport& report, const std::string& table) {
    for (const auto& [name, why] : report.stopped) {
      if (name == table) return why;
    }
    return "not stopped";
  }
  int64_t Insert(const std::string& table) {
    return world_.database.Commit({{"dbo." + table, {kInsert}}});
  }

  World world_;
};

}  // namespace cdc::capture::testing

// Serves the status pages of a board that a test describes: as one JSON object a line on stdin,
// then its end; prints the port. Serves until the test closes stdin.
//   {"round": {"seconds_ago": 5, "whole": true}}
//   {"table": {"name": "dbo.Orders", "condition": "stopped", "why": "gap", "rows": 3, …}}
//   {"health": {"retention_seconds": 100, "headroom_seconds": {"dbo.Orders": 10}}}
//   {"serve": true}
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "status/pages.h"

namespace {

using cdc::UtcTime;
using cdc::status::Board;
using nlohmann::json;

UtcTime SecondsAgo(double seconds) {
  return cdc::Clock::System().UtcNow() -
         std::chrono::microseconds(static_cast<int64_t>(seconds * 1e6));
}

cdc::progress::TableFacts TableOf(const json& given) {
  cdc::progress::TableFacts table;
  table.name = given.at("name");
  const auto condition = std::ranges::find_if(cdc::progress::kConditions, [&](auto one) {
    return cdc::progress::ConditionName(one) == given.value("condition", "complete");
  });
  table.condition =
      condition == cdc::progress::kConditions.end() ? cdc::progress::Condition::kNew : *condition;
  table.why = given.value("why", "");
  table.in_cut = true;
  table.objects = given.value("objects", int64_t{1});
  table.rows = given.value("rows", int64_t{0});
  table.bytes = given.value("bytes", int64_t{0});
  table.altered_values = given.value("altered_values", std::map<std::string, int64_t>{});
  table.gaps = given.value("gaps", int64_t{0});
  table.last_key = given.value("last_key", "");
  table.last_object_at = SecondsAgo(given.value("object_seconds_ago", 3.0));
  table.last_commit = SecondsAgo(given.value("commit_seconds_ago", 5.0));
  return table;
}

cdc::progress::RoundFacts RoundOf(const json& given) {
  cdc::progress::RoundFacts round;
  round.horizon.bytes[9] = 9;
  if (given.value("whole", true)) round.complete_through = round.horizon;
  round.horizon_time = SecondsAgo(given.value("seconds_ago", 0.0));
  round.ended = true;
  round.took = std::chrono::milliseconds(1'500);
  return round;
}

cdc::progress::Health HealthOf(const json& given) {
  cdc::progress::Health health;
  health.at = SecondsAgo(0);
  health.capture_stopped = given.value("capture_stopped", false);
  health.capture_why = given.value("capture_why", "");
  health.capture_lag_seconds = given.value("capture_lag_seconds", 0.0);
  health.retention_seconds = given.value("retention_seconds", 0.0);
  health.headroom_seconds = given.value("headroom_seconds", std::map<std::string, double>{});
  return health;
}

}  // namespace

int main() {
  Board board({"0.0.0", "db1,1433", "Shop", "s3://lake/raw", "", std::chrono::seconds(60)},
              cdc::Clock::System());
  board.OnRole(cdc::progress::Role::kOwner, "process 17 on host7");
  auto server = cdc::status::Server::Start("127.0.0.1:0", cdc::status::PagesOf(board));
  if (!server.ok()) {
    std::cerr << server.status().message() << "\n";
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    const json given = json::parse(line);
    if (given.contains("table")) board.OnTable(TableOf(given["table"]));
    if (given.contains("round")) board.OnRound(RoundOf(given["round"]));
    if (given.contains("health")) board.SetHealth(HealthOf(given["health"]));
    if (given.contains("serve")) std::cout << (*server)->port() << std::endl;
  }
  return 0;
}

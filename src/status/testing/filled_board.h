#pragma once

#include <fmt/format.h>

#include <memory>

#include "status/board.h"

// A board as a busy database fills it, computed from the number of its tables.
namespace cdc::status::testing {

using namespace std::chrono_literals;  // NOLINT: for tests

inline const UtcTime kNow{std::chrono::sys_days{std::chrono::year{2025} / 1 / 9} + 14h + 30min};

inline Lsn LsnOf(uint8_t number) {
  Lsn lsn;
  lsn.bytes[9] = number;
  return lsn;
}

inline TableFacts TableOf(int number) {
  TableFacts table;
  table.name = fmt::format("Sales.Table{:04}", number);
  table.condition = Condition::kComplete;
  table.in_cut = true;
  table.objects = number % 7;
  table.rows = number * 1'000;
  table.bytes = number * 12'345;
  table.last_key =
      fmt::format("Shop/Table{0:04}/cdc/Table{0:04}_cdc_20250109_142958.parquet", number);
  if (table.objects > 0) {
    table.last_object_at = kNow - 2s;
    table.last_commit = kNow - 10s;
  }
  return table;
}

inline Identity IdentityOf() { return {"1.2.3", "db1,1433", "Shop", "s3://lake/raw", "", 60s}; }

// One round old, of `tables` tables that are all complete.
inline std::unique_ptr<Board> FilledBoard(int tables, const Clock& clock) {
  auto board = std::make_unique<Board>(IdentityOf(), clock);
  board->OnRole(Role::kOwner, "process 17 on host7");
  for (int i = 1; i <= tables; ++i) board->OnTable(TableOf(i));
  RoundFacts round;
  round.at = clock.UtcNow();
  round.horizon_time = clock.UtcNow() - 10s;
  round.horizon = round.complete_through = LsnOf(9);
  round.tables = tables;
  round.changed = tables;
  round.swaps = 4;
  round.ended = true;
  round.took = 1'200ms;
  board->OnRound(round);
  return board;
}

}  // namespace cdc::status::testing

#include "status/metrics.h"

#include <fmt/format.h>

#include <functional>

#include "status/exposition.h"

namespace cdc::status {

namespace {

double UnixTime(UtcTime at) { return std::chrono::duration<double>(at.time_since_epoch()).count(); }

double Seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

using Of = std::function<std::optional<double>(const TableView&)>;

// One sample a table, where `of` knows it.
void PerTable(Exposition* out, const Snapshot& board, std::string_view name, std::string_view type,
              std::string_view help, const Of& of) {
  out->Family(name, type, help);
  for (const TableView& table : board.tables) {
    if (const auto value = of(table)) out->Add(*value, {{"table", table.name}});
  }
}

void Program(Exposition* out, const Snapshot& board) {
  out->Family("build_info", "gauge", "Always 1; says which version runs.");
  out->Add(1, {{"version", board.identity.version}});
  out->Family("source_info", "gauge", "Always 1; says what is captured.");
  out->Add(1, {{"host", board.identity.host},
               {"database", board.identity.database},
               {"group", board.identity.group}});
  out->Family("start_time_seconds", "gauge", "Unix time at which the program started.");
  out->Add(UnixTime(board.started_at));
  out->Family("role", "gauge", "1 for the role that the program has now, 0 for the others.");
  for (const Role role : {Role::kStarting, Role::kStandby, Role::kOwner}) {
    out->Add(board.role == role, {{"role", RoleName(role)}});
  }
  out->Family("log_events_total", "counter", "Log events of level warn and error.");
  out->Add(static_cast<double>(board.warnings), {{"level", "warn"}});
  out->Add(static_cast<double>(board.errors), {{"level", "error"}});
}

void Rounds(Exposition* out, const Snapshot& board) {
  out->Family("rounds_total", "counter", "Rounds over all tables that ended well.");
  out->Add(static_cast<double>(board.durations.count));
  out->Family("round_duration_seconds", "histogram", "How long rounds took.");
  for (size_t i = 0; i < board.durations.at_most.size(); ++i) {
    out->Sample("_bucket", static_cast<double>(board.durations.at_most[i]),
                {{"le", fmt::format("{}", RoundDurations::kBounds[i])}});
  }
  out->Sample("_bucket", static_cast<double>(board.durations.count), {{"le", "+Inf"}});
  out->Sample("_sum", board.durations.sum_seconds, {});
  out->Sample("_count", static_cast<double>(board.durations.count), {});
  out->Family("interval_seconds", "gauge", "Setting: from the start of one round to the next.");
  out->Add(Seconds(board.identity.interval));
  out->Family("last_success_timestamp_seconds", "gauge",
              "Unix time at which the last round ended well.");
  if (board.round_ended_at) out->Add(UnixTime(*board.round_ended_at));
  out->Family("state_swaps_total", "counter", "Changes of the state document by this program.");
  out->Add(static_cast<double>(board.round.swaps));
}

void Database(Exposition* out, const Snapshot& board) {
  out->Family("lag_seconds", "gauge",
              "Now minus the commit time up to which all tables are complete. An idle server "
              "moves that time on every few minutes only.");
  if (board.lag_seconds) out->Add(*board.lag_seconds);
  out->Family("behind_seconds", "gauge",
              "Commit time of the newest change that the server has captured minus the one up to "
              "which all tables are complete; 0 when everything is delivered.");
  if (board.behind_seconds) out->Add(*board.behind_seconds);
  out->Family("backlog_time_left_seconds", "gauge",
              "Estimate of when the tables that are behind have caught up; absent when unknown.");
  if (board.time_left) out->Add(static_cast<double>(board.time_left->count()));
  out->Family("held_back_tables", "gauge", "Tables that keep the consistent cut from moving on.");
  out->Add(static_cast<double>(board.round.held_back));
  out->Family("tables", "gauge", "Tables by condition.");
  for (const auto& [condition, number] : board.conditions) {
    out->Add(static_cast<double>(number), {{"condition", ConditionName(condition)}});
  }
}

void Server(Exposition* out, const Snapshot& board) {
  if (!board.health) return;
  const Health& health = *board.health;
  out->Family("health_measured_timestamp_seconds", "gauge",
              "Unix time at which the server's capture and cleanup were last looked at.");
  out->Add(UnixTime(health.at));
  out->Family("capture_stopped", "gauge", "1 when the server's capture job does not work.");
  if (health.capture_stopped) out->Add(*health.capture_stopped);
  out->Family("capture_lag_seconds", "gauge",
              "How far the server's capture job is behind the transaction log.");
  if (health.capture_lag_seconds) out->Add(*health.capture_lag_seconds);
  out->Family("retention_seconds", "gauge", "How long the server keeps change rows.");
  if (health.retention_seconds) out->Add(*health.retention_seconds);
  PerTable(out, board, "retention_headroom_seconds", "gauge",
           "Time until the server's cleanup reaches rows that were not read yet.",
           [](const TableView& table) { return table.headroom_seconds; });
}

void TableCounters(Exposition* out, const Snapshot& board) {
  const auto counter = [&](std::string_view name, std::string_view help,
                           int64_t TableFacts::*member) {
    PerTable(out, board, name, "counter", help, [member](const TableView& table) {
      return std::optional(static_cast<double>(table.*member));
    });
  };
  counter("rows_total", "Change rows delivered.", &TableFacts::rows);
  counter("objects_total", "Objects delivered.", &TableFacts::objects);
  counter("bytes_total", "Bytes of delivered objects.", &TableFacts::bytes);
  out->Family("altered_values_total", "counter",
              "Values that lost something on the way; only columns that have any. The event "
              "values_altered says what they lost, and the option that keeps it.");
  for (const TableView& table : board.tables) {
    for (const auto& [column, count] : table.altered_values) {
      out->Add(static_cast<double>(count), {{"table", table.name}, {"column", column}});
    }
  }
}

void TableGauges(Exposition* out, const Snapshot& board) {
  const auto time = [](const std::optional<UtcTime>& at) {
    return at ? std::optional(UnixTime(*at)) : std::nullopt;
  };
  PerTable(out, board, "table_lag_seconds", "gauge",
           "Now minus the commit time up to which the table is complete.",
           [](const TableView& table) { return table.lag_seconds; });
  PerTable(out, board, "table_last_object_timestamp_seconds", "gauge",
           "Unix time at which the table's last object was delivered in this run.",
           [&](const TableView& table) { return time(table.last_object_at); });
  PerTable(out, board, "table_last_commit_timestamp_seconds", "gauge",
           "Commit time of the newest row that was delivered in this run, as Unix time.",
           [&](const TableView& table) { return time(table.last_commit); });
  PerTable(out, board, "table_gaps", "gauge", "Accepted gaps in the state document.",
           [](const TableView& table) { return std::optional(static_cast<double>(table.gaps)); });
  PerTable(out, board, "table_stopped", "gauge",
           "1 when the table is not read until somebody acts.", [](const TableView& table) {
             return std::optional(table.condition == Condition::kStopped ? 1.0 : 0.0);
           });
  out->Family("table_condition", "gauge", "1 for the condition that the table is in.");
  for (const TableView& table : board.tables) {
    for (const Condition condition : kConditions) {
      out->Add(table.condition == condition,
               {{"table", table.name}, {"condition", ConditionName(condition)}});
    }
  }
}

}  // namespace

std::string Metrics(const Snapshot& board) {
  Exposition out;
  Program(&out, board);
  Rounds(&out, board);
  Database(&out, board);
  Server(&out, board);
  TableCounters(&out, board);
  TableGauges(&out, board);
  return out.Take();
}

}  // namespace cdc::status

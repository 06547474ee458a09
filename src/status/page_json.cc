#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "base/utc_text.h"
#include "status/page.h"
#include "status/verdict.h"

namespace cdc::status {

namespace {

using Json = nlohmann::ordered_json;

Json Time(const std::optional<UtcTime>& at) { return at ? Json(FormatUtc(*at)) : Json(); }
Json Number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
double Seconds(std::chrono::duration<double> time) { return time.count(); }

Json TableJson(const TableView& table) {
  return {{"name", table.name},
          {"name_today", table.name_today},
          {"condition", ConditionName(table.condition)},
          {"why", table.why},
          {"in_cut", table.in_cut},
          {"objects", table.objects},
          {"rows", table.rows},
          {"bytes", table.bytes},
          {"altered_values", table.altered_values},
          {"last_key", table.last_key},
          {"last_object_at", Time(table.last_object_at)},
          {"last_commit", Time(table.last_commit)},
          {"complete_time", Time(table.complete_time)},
          {"lag_seconds", Number(table.lag_seconds)},
          {"headroom_seconds", Number(table.headroom_seconds)},
          {"gaps", table.gaps}};
}

Json HealthJson(const std::optional<Health>& health) {
  if (!health) return nullptr;
  return {{"measured_at", Time(health->at)},
          {"capture_stopped", health->capture_stopped ? Json(*health->capture_stopped) : Json()},
          {"capture_why", health->capture_why},
          {"capture_lag_seconds", Number(health->capture_lag_seconds)},
          {"retention_seconds", Number(health->retention_seconds)}};
}

Json HistoryJson(const Snapshot& board) {
  Json behind = Json::array();
  Json rows = Json::array();
  for (const History::Point& point : board.history) {
    behind.push_back(Number(point.behind_seconds));
    rows.push_back(Number(point.rows_per_second));
  }
  const auto step = History::kSlice * History::kSlices / Board::kHistoryPoints;
  return {{"step_seconds", step.count()}, {"behind_seconds", behind}, {"rows_per_second", rows}};
}

Json TroublesJson(const Snapshot& board) {
  Json troubles = Json::array();
  for (const Trouble& trouble : board.troubles) {
    troubles.push_back({{"time", Time(trouble.at)},
                        {"level", trouble.is_error ? "error" : "warn"},
                        {"event", trouble.text}});
  }
  return troubles;
}

Json RoundJson(const Snapshot& board) {
  return {{"ended", board.durations.count},
          {"last_ended_at", Time(board.round_ended_at)},
          {"last_took_seconds", Seconds(board.last_round_took)},
          {"under_way", board.role == Role::kOwner && !board.round.ended},
          {"horizon", board.round.horizon.ToString()},
          {"horizon_time", Time(board.round.horizon_time)},
          {"changed_tables", board.round.changed},
          {"state_swaps", board.round.swaps}};
}

}  // namespace

std::string StatusJson(const Snapshot& board) {
  const Verdict verdict = Judge(board);
  Json json = {{"version", board.identity.version},
               {"database", board.identity.database},
               {"group", board.identity.group},
               {"host", board.identity.host},
               {"target", board.identity.target},
               {"now", Time(board.now)},
               {"started_at", Time(board.started_at)},
               {"interval_seconds", Seconds(board.identity.interval)},
               {"healthy", verdict.healthy},
               {"reason", verdict.reason},
               {"role", RoleName(board.role)},
               {"role_since", Time(board.role_since)},
               {"owner", board.owner},
               {"complete_through", board.round.complete_through.ToString()},
               {"complete_time", Time(board.complete_time)},
               {"lag_seconds", Number(board.lag_seconds)},
               {"behind_seconds", Number(board.behind_seconds)},
               {"held_back_tables", board.round.held_back},
               {"rows_per_second", board.rows_per_second},
               {"rows", board.rows},
               {"objects", board.objects},
               {"bytes", board.bytes},
               {"altered_values", board.altered_values}};
  json["time_left_seconds"] = board.time_left ? Json(board.time_left->count()) : Json();
  json["round"] = RoundJson(board);
  Json conditions = Json::object();
  for (const auto& [condition, number] : board.conditions) {
    conditions[std::string(ConditionName(condition))] = number;
  }
  json["conditions"] = conditions;
  json["tables"] = Json::array();
  for (const TableView& table : board.tables) json["tables"].push_back(TableJson(table));
  json["health"] = HealthJson(board.health);
  json["troubles"] = TroublesJson(board);
  json["history"] = HistoryJson(board);
  return EscapeInJson(json.dump(-1, ' ', false, Json::error_handler_t::replace)) + '\n';
}

}  // namespace cdc::status

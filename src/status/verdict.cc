#include "status/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "base/units.h"
#include "status/words.h"

namespace cdc::status {

namespace {

constexpr std::chrono::milliseconds kPatienceLeast{60'000};
constexpr int kIntervals = 3;
constexpr size_t kNamesMax = 100;  // of tables in trouble; their number is there in full

std::string LastTrouble(const Snapshot& board) {
  return board.troubles.empty() ? "" : "; last trouble: " + board.troubles.back().text;
}

void JudgeOwner(const Snapshot& board, Verdict* verdict) {
  const auto patience =
      std::max<UtcTime::duration>(kIntervals * board.identity.interval, kPatienceLeast);
  UtcTime progress = board.role_since;
  if (board.round_ended_at) progress = std::max(progress, *board.round_ended_at);
  if (board.last_object_at) progress = std::max(progress, *board.last_object_at);
  const auto since = board.now - progress;
  verdict->healthy = since <= patience;
  if (!verdict->healthy) {
    verdict->reason = fmt::format("no successful round for {} (limit {}){}", HumanDuration(since),
                                  HumanDuration(patience), LastTrouble(board));
  } else if (board.round_ended_at) {
    verdict->reason = fmt::format("last successful round {} ago",
                                  HumanDuration(board.now - *board.round_ended_at));
  } else {
    verdict->reason = "the first round is under way";
  }
}

nlohmann::ordered_json Troubled(const Snapshot& board, Condition condition) {
  auto names = nlohmann::ordered_json::array();
  for (const TableView& table : board.tables) {
    if (table.condition == condition && names.size() < kNamesMax) names.push_back(table.name);
  }
  return names;
}

}  // namespace

Verdict Judge(const Snapshot& board) {
  Verdict verdict;
  switch (board.role) {
    case Role::kOwner:
      JudgeOwner(board, &verdict);
      break;
    case Role::kStandby:
      verdict.healthy = true;
      verdict.reason = "standing by; the owner is " + board.owner;
      break;
    case Role::kStarting:
      verdict.reason = fmt::format("starting for {}: not connected and in charge yet{}",
                                   HumanDuration(board.now - board.role_since), LastTrouble(board));
      break;
  }
  nlohmann::ordered_json json;
  json["status"] = verdict.healthy ? "ok" : "failing";
  json["reason"] = verdict.reason;
  json["role"] = RoleName(board.role);
  json["stopped"] = board.conditions.at(Condition::kStopped);
  json["retrying"] = board.conditions.at(Condition::kRetrying);
  json["stopped_tables"] = Troubled(board, Condition::kStopped);
  json["retrying_tables"] = Troubled(board, Condition::kRetrying);
  verdict.json =
      EscapeInJson(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) +
      '\n';
  return verdict;
}

}  // namespace cdc::status

#include "status/progress_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "base/text.h"
#include "base/units.h"
#include "status/words.h"

namespace cdc::status {

namespace {

constexpr size_t kTroubledMax = 3;  // tables that get a line of their own
constexpr size_t kAlteredMax = 3;   // columns that are named

// A part of a line, and the SGR code (ECMA-48) that colours it.
struct Part {
  std::string text;
  const char* colour = "";
};

constexpr char kBad[] = "31";
constexpr char kWarn[] = "33";
constexpr char kGood[] = "32";
constexpr char kSoft[] = "2";

// Cuts the parts to the width, and colours what is left.
std::string Line(const std::vector<Part>& parts, const Look& look) {
  std::string line;
  // The last column stays free: many terminals would wrap behind it.
  size_t room = look.columns > 1 ? look.columns - 1 : 1;
  for (const Part& part : parts) {
    const std::string shown = CutTo(Printable(part.text), room);
    room -= std::min(room, Columns(shown));
    if (shown.empty()) continue;
    const bool coloured = look.colours && *part.colour != '\0';
    line += coloured ? fmt::format("\x1b[{}m{}\x1b[0m", part.colour, shown) : shown;
  }
  return line;
}

std::vector<Part> Head(const Snapshot& board) {
  std::string what = board.identity.database;
  if (!board.identity.group.empty()) what += " (" + board.identity.group + ")";
  what += " → " + board.identity.target;
  if (board.role == Role::kStandby) return {{what}, {"  standing by for " + board.owner, kSoft}};
  if (board.role == Role::kStarting) return {{what}, {"  starting", kSoft}};
  return {{what},
          {board.round.ended ? fmt::format("  round {} took {}", board.durations.count,
                                           HumanDuration(board.last_round_took))
                             : fmt::format("  round {}", board.durations.count + 1),
           kSoft}};
}

std::vector<Part> Tables(const Snapshot& board) {
  const auto of = [&](Condition condition) { return board.conditions.at(condition); };
  std::vector<Part> parts = {{"tables  ", kSoft},
                             {fmt::format("{} complete", of(Condition::kComplete)), kGood}};
  const auto add = [&](Condition condition, const char* colour) {
    if (of(condition) == 0) return;
    parts.push_back({fmt::format(" · {} {}", of(condition), ConditionName(condition)), colour});
  };
  add(Condition::kBehind, kWarn);
  add(Condition::kRetrying, kWarn);
  add(Condition::kStopped, kBad);
  add(Condition::kWaiting, kSoft);
  add(Condition::kNew, kSoft);
  return parts;
}

std::vector<Part> Rows(const Snapshot& board) {
  return {
      {"rows    ", kSoft},
      {fmt::format("{} · {}", WithThousands(board.rows), Rate(board.rows_per_second))},
      {fmt::format(" · {} · {}", Count(board.objects, "object"), HumanBytes(board.bytes)), kSoft}};
}

std::vector<Part> Lag(const Snapshot& board) {
  std::vector<Part> parts = {{"lag     ", kSoft}};
  if (!board.behind_seconds) {
    parts.push_back({board.round_ended_at ? "unknown" : "not known yet"});
  } else if (*board.behind_seconds > 0) {
    parts.push_back({HumanDuration(std::chrono::duration<double>(*board.behind_seconds)), kWarn});
  } else {
    parts.push_back({"nothing is left over", kGood});
  }
  if (board.conditions.at(Condition::kBehind) > 0) {
    parts.push_back({board.time_left ? " · about " + HumanDuration(*board.time_left) + " left"
                                     : " · time left unknown"});
  }
  if (board.round.ended && board.round_ended_at) {
    parts.push_back({" · as of " +
                         HumanDuration(std::chrono::floor<std::chrono::seconds>(
                             board.now - *board.round_ended_at)) +
                         " ago",
                     kSoft});
  }
  return parts;
}

std::vector<Part> LastObject(const Snapshot& board) {
  if (!board.last_object_at) return {{"last    ", kSoft}, {"no object in this run yet", kSoft}};
  const auto age = std::chrono::floor<std::chrono::seconds>(board.now - *board.last_object_at);
  return {{"last    ", kSoft},
          {fmt::format("{} ago  ", HumanDuration(age)), kSoft},
          {std::string(LastPart(board.last_key))}};
}

std::vector<Part> Altered(const Snapshot& board) {
  std::string columns;
  size_t count = 0;
  for (const TableView& table : board.tables) {
    for (const auto& [column, values] : table.altered_values) {
      if (++count <= kAlteredMax) columns += (count > 1 ? ", " : "") + table.name + "." + column;
    }
  }
  if (count > kAlteredMax) columns += fmt::format(" and {} more", count - kAlteredMax);
  return {{"altered ", kWarn}, {Count(board.altered_values, "value") + " of "}, {columns, kSoft}};
}

}  // namespace

std::vector<std::string> ProgressLines(const Snapshot& board, const Look& look) {
  std::vector<std::string> lines = {Line(Head(board), look), Line(Tables(board), look),
                                    Line(Rows(board), look), Line(Lag(board), look),
                                    Line(LastObject(board), look)};
  if (board.health && !board.health->capture_why.empty()) {
    const char* colour = board.health->capture_stopped.value_or(false) ? kBad : kWarn;
    lines.push_back(Line({{"server  ", kSoft}, {board.health->capture_why, colour}}, look));
  }
  if (board.altered_values > 0) lines.push_back(Line(Altered(board), look));
  size_t shown = 0;
  for (const TableView& table : board.tables) {
    if (table.condition != Condition::kStopped) continue;
    if (++shown > kTroubledMax) break;
    lines.push_back(Line({{"stopped ", kBad}, {table.name + ": "}, {table.why, kSoft}}, look));
  }
  return lines;
}

std::string Summary(const Snapshot& board) {
  const int64_t stopped = board.conditions.at(Condition::kStopped);
  std::string text = fmt::format(
      "{}: {} in {} ({}) in {}; {} of {} complete", Printable(board.identity.database),
      Count(board.rows, "row"), Count(board.objects, "object"), HumanBytes(board.bytes),
      HumanDuration(board.now - board.started_at), board.conditions.at(Condition::kComplete),
      Count(std::ssize(board.tables), "table"));
  if (stopped > 0) text += fmt::format(", {} stopped", stopped);
  if (board.altered_values > 0) text += ", " + Count(board.altered_values, "value") + " altered";
  return text;
}

}  // namespace cdc::status

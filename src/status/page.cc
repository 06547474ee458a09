#include "status/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "base/units.h"
#include "base/utc_text.h"
#include "status/chart.h"
#include "status/page_assets.h"
#include "status/verdict.h"
#include "status/words.h"

namespace cdc::status {

namespace {

constexpr size_t kNamesMax = 5;         // in a sentence
constexpr size_t kAlteredMax = 10;      // tables; the metrics have all
constexpr size_t kHeadroomsMax = 8;     // bars; the table has all
constexpr double kHeadroomNear = 0.25;  // of retention: colours only

std::string SpanOr(const std::optional<double>& seconds, const std::string& otherwise) {
  return seconds ? HumanDuration(std::chrono::duration<double>(*seconds)) : otherwise;
}

std::string Ago(const Snapshot& board, const std::optional<UtcTime>& at) {
  return at ? HumanDuration(board.now - *at) + " ago" : "";
}

std::string Tone(Condition condition) {
  switch (condition) {
    case Condition::kStopped:
      return "bad";
    case Condition::kRetrying:
    case Condition::kBehind:
      return "warn";
    case Condition::kComplete:
      return "good";
    default:
      return "soft";
  }
}

std::string ConditionText(Condition condition) {
  return condition == Condition::kLeftOut ? "left out" : std::string(ConditionName(condition));
}

// The most urgent first, then by name, as they come.
std::vector<const TableView*> ByUrgency(const Snapshot& board) {
  std::vector<const TableView*> ordered;
  for (const Condition condition : kConditions) {
    for (const TableView& table : board.tables) {
      if (table.condition == condition) ordered.push_back(&table);
    }
  }
  return ordered;
}

std::string HeldBackBy(const Snapshot& board) {
  std::string names;
  size_t count = 0;
  for (const TableView& table : board.tables) {
    if (!table.in_cut || table.condition == Condition::kComplete ||
        table.condition == Condition::kNew) {
      continue;
    }
    if (++count <= kNamesMax) names += (count > 1 ? ", " : "") + table.name;
  }
  if (count > kNamesMax) names += fmt::format(" and {} more", count - kNamesMax);
  return names;
}

std::string LeadLine(const char* tone, const std::string& text) {
  return fmt::format("<p class=\"lead {}\">{}</p>", tone, EscapeHtml(text));
}

// Every round finds changes of its interval; only what is older is worth a colour.
std::string CatchingUp(const Snapshot& board) {
  const std::string tables = Count(board.conditions.at(Condition::kBehind), "table");
  const std::chrono::duration<double> behind(board.behind_seconds.value_or(0));
  if (behind <= 3 * std::chrono::duration<double>(board.identity.interval)) {
    return LeadLine("soft", "A round is under way: changes of " + tables + " to deliver");
  }
  return LeadLine("warn",
                  fmt::format("{} behind, by up to {}; {}", tables, HumanDuration(behind),
                              board.time_left ? "about " + HumanDuration(*board.time_left) + " left"
                                              : "time left is not known yet"));
}

std::string Lead(const Snapshot& board, const Verdict& verdict) {
  if (!verdict.healthy) return LeadLine("bad", verdict.reason);
  if (board.role == Role::kStandby) return LeadLine("soft", verdict.reason);
  const int64_t stopped = board.conditions.at(Condition::kStopped);
  if (board.conditions.at(Condition::kBehind) > 0) return CatchingUp(board);
  if (!board.round_ended_at) return LeadLine("soft", verdict.reason);
  const std::string when = Ago(board, board.round_ended_at);
  if (stopped > 0) {
    return LeadLine("bad", fmt::format("{} of {} stopped; the others are complete as of {}",
                                       stopped, Count(std::ssize(board.tables), "table"), when));
  }
  if (board.conditions.at(Condition::kRetrying) > 0) {
    return LeadLine("warn", "Some tables are tried again; the others are complete as of " + when);
  }
  return LeadLine("good", "Everything that the server had captured is delivered, as of " + when);
}

std::string Header(const Snapshot& board, const Verdict& verdict) {
  const Identity& identity = board.identity;
  const bool owns = board.role == Role::kOwner && !board.owner.empty();
  const std::string who = owns ? board.owner : "for " + HumanDuration(board.now - board.role_since);
  return fmt::format(
      "<header><h1>{}{}</h1><p class=\"route\">{} → {}</p>"
      "<p><span class=\"pill {}\">{}</span> <span class=\"soft\">{}</span></p>{}</header>",
      EscapeHtml(identity.database),
      identity.group.empty() ? "" : "<small>group " + EscapeHtml(identity.group) + "</small>",
      EscapeHtml(identity.host), EscapeHtml(identity.target), verdict.healthy ? "good" : "bad",
      RoleName(board.role), EscapeHtml(who), Lead(board, verdict));
}

std::string Alarm(const std::string& tone, const std::string& title, const std::string& items) {
  if (items.empty()) return "";
  return fmt::format("<section class=\"{}\"><h2>{}</h2><ul>{}</ul></section>", tone, title, items);
}

std::string Troubled(const Snapshot& board, Condition condition) {
  std::string items;
  for (const TableView& table : board.tables) {
    if (table.condition != condition) continue;
    items += fmt::format("<li><b>{}</b>: {}</li>", EscapeHtml(table.name), EscapeHtml(table.why));
  }
  return items;
}

std::string Altered(const Snapshot& board) {
  std::string items;
  size_t tables = 0;
  for (const TableView& table : board.tables) {
    if (table.altered_values.empty() || ++tables > kAlteredMax) continue;
    std::string columns;
    size_t count = 0;
    for (const auto& [column, values] : table.altered_values) {
      if (++count > kNamesMax) break;
      columns += fmt::format("{}{} of {}", count > 1 ? ", " : "", WithThousands(values), column);
      const auto how = table.altered_how.find(column);
      if (how != table.altered_how.end()) columns += " (" + how->second + ")";
    }
    const size_t more = table.altered_values.size() - std::min(count, kNamesMax);
    if (more > 0) columns += fmt::format(" and of {} more columns", more);
    items += fmt::format("<li><b>{}</b>: {}</li>", EscapeHtml(table.name), EscapeHtml(columns));
  }
  if (tables > kAlteredMax)
    items += fmt::format("<li>and {} more tables</li>", tables - kAlteredMax);
  return items;
}

std::string Alarms(const Snapshot& board) {
  std::string server;
  if (board.health && !board.health->capture_why.empty()) {
    server = "<li>" + EscapeHtml(board.health->capture_why) + "</li>";
  }
  const bool stopped = board.health && board.health->capture_stopped.value_or(false);
  return Alarm(stopped ? "alarm" : "care", "The server’s capture job", server) +
         Alarm("alarm", "Stopped: somebody must act", Troubled(board, Condition::kStopped)) +
         Alarm("care", "Tried again by itself", Troubled(board, Condition::kRetrying)) +
         Alarm("care", "Values that lost something in this run", Altered(board));
}

std::string Tile(const std::string& label, const std::string& value, const std::string& detail,
                 const char* kind = "tile") {
  return fmt::format("<div class=\"{}\"><span>{}</span><b>{}</b><small>{}</small></div>", kind,
                     label, EscapeHtml(value), EscapeHtml(detail));
}

std::string CutTile(const Snapshot& board) {
  const std::string held = HeldBackBy(board);
  const std::string lsn = board.round.complete_through.is_zero()
                              ? ""
                              : "LSN " + board.round.complete_through.ToString();
  std::string when = "not yet";
  if (board.complete_time) {
    when = FormatUtc(*board.complete_time);
    when = when.substr(0, 10) + " " + when.substr(11, 8) + " UTC";
  } else if (!lsn.empty()) {
    when = "since before this start";
  }
  const std::string lag = board.lag_seconds ? SpanOr(board.lag_seconds, "") + " ago; " : "";
  return Tile("complete through, all tables", when,
              held.empty() ? lag + lsn : lag + lsn + "; held back by " + held, "tile wide");
}

std::string CaptureTile(const Snapshot& board) {
  if (!board.health) return "";
  const Health& health = *board.health;
  const std::string job = !health.capture_stopped   ? "not seen"
                          : *health.capture_stopped ? "stopped"
                                                    : "running";
  return Tile(
      "server’s capture job", job,
      fmt::format("{} behind its log; retention {}", SpanOr(health.capture_lag_seconds, "unknown"),
                  SpanOr(health.retention_seconds, "unknown")));
}

std::string Tiles(const Snapshot& board) {
  const auto of = [&](Condition condition) { return board.conditions.at(condition); };
  std::string others;
  for (const Condition condition : kConditions) {
    if (condition == Condition::kComplete || of(condition) == 0) continue;
    others +=
        fmt::format("{}{} {}", others.empty() ? "" : ", ", of(condition), ConditionText(condition));
  }
  const bool nothing = board.conditions.at(Condition::kBehind) == 0;
  const std::string left =
      nothing           ? (board.round.ended ? "nothing is left over" : "a round is under way")
      : board.time_left ? "about " + HumanDuration(*board.time_left) + " left"
                        : "time left unknown";
  return "<section class=\"tiles\">" +
         Tile("tables complete",
              fmt::format("{} of {}", of(Condition::kComplete), board.tables.size()), others) +
         Tile("behind the server", SpanOr(board.behind_seconds, "unknown"), left) + CutTile(board) +
         Tile("rows in this run", WithThousands(board.rows),
              fmt::format("{} now; {}, {}", Rate(board.rows_per_second),
                          Count(board.objects, "object"), HumanBytes(board.bytes))) +
         Tile("last round", board.round_ended_at ? Ago(board, board.round_ended_at) : "none yet",
              fmt::format("took {}; {} so far; every {}", HumanDuration(board.last_round_took),
                          WithThousands(board.durations.count),
                          HumanDuration(board.identity.interval))) +
         CaptureTile(board) + "</section>";
}

std::string Headrooms(const Snapshot& board) {
  std::vector<const TableView*> known;
  for (const TableView& table : board.tables) {
    if (table.headroom_seconds) known.push_back(&table);
  }
  if (known.empty()) return "";
  std::ranges::sort(known, {}, [](const TableView* table) { return *table->headroom_seconds; });
  const double whole = board.health->retention_seconds.value_or(*known.back()->headroom_seconds);
  std::string rows;
  for (size_t i = 0; i < std::min(known.size(), kHeadroomsMax); ++i) {
    const double left = *known[i]->headroom_seconds;
    const double share = whole > 0 ? left / whole : 0;
    const std::string tone = left <= 0 ? "bad" : share < kHeadroomNear ? "warn" : "good";
    rows += fmt::format("<span title=\"{0}\">{0}</span>{1}<span class=\"{2}\">{3}</span>",
                        EscapeHtml(known[i]->name), DrawBar(share, tone), tone,
                        left <= 0 ? "none" : HumanDuration(std::chrono::duration<double>(left)));
  }
  return "<section><h2>Time until cleanup reaches unread changes</h2><div class=\"room\">" + rows +
         "</div></section>";
}

std::string Charts(const Snapshot& board) {
  Chart behind{.title = "Behind the server",
               .now = SpanOr(board.behind_seconds, "unknown"),
               .figure = [](double v) { return HumanDuration(std::chrono::duration<double>(v)); },
               .points = {}};
  Chart rows{
      .title = "Rows delivered", .now = Rate(board.rows_per_second), .figure = Rate, .points = {}};
  for (const History::Point& point : board.history) {
    behind.points.push_back(point.behind_seconds);
    rows.points.push_back(point.rows_per_second);
  }
  return "<section class=\"charts\"><section>" + Draw(behind, "1 h ago") + "</section><section>" +
         Draw(rows, "1 h ago") + "</section>" + Headrooms(board) + "</section>";
}

std::string Row(const Snapshot& board, const TableView& table) {
  std::string name = EscapeHtml(table.name);
  if (!table.name_today.empty()) name += " (today " + EscapeHtml(table.name_today) + ")";
  const bool delivered = table.objects > 0;
  return fmt::format(
      "<tr data-name=\"{0}\"><td class=\"name\">{0}</td><td><span class=\"pill {1}\">{2}</span>"
      "</td><td class=\"n\" data-label=\"lag\">{3}</td><td class=\"n\" data-label=\"rows\">{4}</td>"
      "<td class=\"n\" data-label=\"size\">{5}</td><td class=\"n\" data-label=\"gaps\">{6}</td>"
      "<td class=\"n\" data-label=\"last\">{7}</td><td class=\"key\">{8}</td></tr>\n",
      name, Tone(table.condition), ConditionText(table.condition), SpanOr(table.lag_seconds, ""),
      delivered ? WithThousands(table.rows) : "", delivered ? HumanBytes(table.bytes) : "",
      table.gaps > 0 ? "<b class=\"warn\">" + WithThousands(table.gaps) + "</b>" : "",
      Ago(board, table.last_object_at), EscapeHtml(LastPart(table.last_key)));
}

std::string Tables(const Snapshot& board) {
  std::string rows;
  for (const TableView* table : ByUrgency(board)) rows += Row(board, *table);
  if (rows.empty()) rows = "<tr data-name=\"\"><td class=\"name\">none yet</td></tr>";
  return "<table><thead><tr><th>table</th><th>condition</th><th class=\"n\">lag</th>"
         "<th class=\"n\">rows</th><th class=\"n\">size</th><th class=\"n\">gaps</th>"
         "<th class=\"n\">last object</th><th></th></tr></thead><tbody>" +
         rows + "</tbody></table>";
}

std::string Troubles(const Snapshot& board) {
  if (board.troubles.empty()) return "";
  std::string items;
  for (auto trouble = board.troubles.rbegin(); trouble != board.troubles.rend(); ++trouble) {
    items += fmt::format("<li><span class=\"{}\">{} ago</span> <code>{}</code></li>",
                         trouble->is_error ? "bad" : "warn", HumanDuration(board.now - trouble->at),
                         EscapeHtml(trouble->text));
  }
  return fmt::format("<section><h2>Last warnings and errors</h2><ul>{}</ul></section>", items);
}

std::string Footer(const Snapshot& board) {
  return fmt::format(
      "cdc-to-s3 {}, running for {}; this page is of {}. For programs: "
      "<a href=\"metrics\">metrics</a>, <a href=\"healthz\">healthz</a>, "
      "<a href=\"status.json\">status.json</a>",
      EscapeHtml(board.identity.version), HumanDuration(board.now - board.started_at),
      FormatUtc(board.now));
}

}  // namespace

Page StatusPage(const Snapshot& board) {
  const Verdict verdict = Judge(board);
  const std::string nonce = RandomHex(16);
  const int64_t stopped = board.conditions.at(Condition::kStopped);
  const std::string title = (stopped > 0 ? fmt::format("({} stopped) ", stopped) : "") +
                            board.identity.database + " · cdc-to-s3";
  Page page;
  page.type = "text/html; charset=utf-8";
  page.policy = fmt::format(
      "default-src 'none'; style-src 'nonce-{0}'; script-src 'nonce-{0}'; connect-src 'self'; "
      "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      nonce);
  page.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<link rel=\"icon\" href=\"data:,\">"
      "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"
      "<title>{0}</title><style nonce=\"{1}\">{2}</style></head><body><main>"
      "<section class=\"alarm\" id=\"lost\" hidden>The program does not answer; what follows is "
      "what it said last.</section>"
      "<div id=\"top\" data-live>{3}</div>"
      "<section><div class=\"head\"><h2>Tables</h2>"
      "<input id=\"filter\" type=\"search\" placeholder=\"filter by name\" "
      "aria-label=\"filter tables by name\" hidden></div>"
      "<div id=\"tables\" data-live>{4}</div></section>"
      "<div id=\"troubles\" data-live>{5}</div></main>"
      "<footer id=\"foot\" data-live>{6}</footer><script "
      "nonce=\"{1}\">{7}</script></body></html>\n",
      EscapeHtml(title), nonce, kStyle,
      Header(board, verdict) + Alarms(board) + Tiles(board) + Charts(board), Tables(board),
      Troubles(board), Footer(board), kScript);
  return page;
}

}  // namespace cdc::status

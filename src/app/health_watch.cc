#include "app/health_watch.h"

#include <fmt/format.h>

#include "base/events.h"
#include "base/units.h"
#include "base/utc_text.h"

namespace cdc::app {

namespace {

using source::CaptureCondition;
using source::RetentionCondition;

// A handful of small statements: once a minute costs a server nothing. While something is wrong
// somebody may be mending it, and wants to see that it helped.
constexpr std::chrono::seconds kInterval{60};
constexpr std::chrono::seconds kIntervalInTrouble{10};
constexpr size_t kNamesMax = 5;

bool InTrouble(const HealthReport& report) {
  return report.capture.condition == CaptureCondition::kLags ||
         report.capture.condition == CaptureCondition::kStopped ||
         report.retention.condition == RetentionCondition::kNear ||
         report.retention.condition == RetentionCondition::kOverdue;
}

std::string NamesOf(const std::vector<std::string>& tables) {
  std::string names;
  for (size_t i = 0; i < tables.size() && i < kNamesMax; ++i) {
    names += (i > 0 ? ", " : "") + tables[i];
  }
  if (tables.size() > kNamesMax) names += fmt::format(" and {} more", tables.size() - kNamesMax);
  return names;
}

}  // namespace

HealthReport Judge(source::CaptureHealth health) {
  HealthReport report;
  report.capture = source::JudgeCapture(health);
  report.retention = source::JudgeRetention(health);
  report.health = std::move(health);
  return report;
}

progress::Health ForBoard(const HealthReport& report, UtcTime now) {
  progress::Health health;
  health.at = now;
  if (report.capture.condition != CaptureCondition::kUnknown) {
    health.capture_stopped = report.capture.condition == CaptureCondition::kStopped;
    health.capture_why = report.capture.why;
    if (!report.capture.help.empty()) health.capture_why += ". What helps: " + report.capture.help;
  }
  const auto in_seconds = [](std::chrono::seconds time) {
    return static_cast<double>(time.count());
  };
  if (report.capture.lag) health.capture_lag_seconds = in_seconds(*report.capture.lag);
  if (report.retention.retention) {
    health.retention_seconds = in_seconds(*report.retention.retention);
  }
  for (const source::Headroom& headroom : report.retention.headroom) {
    for (const std::string& table : headroom.tables) {
      health.headroom_seconds[table] = in_seconds(headroom.left);
    }
  }
  return health;
}

std::vector<source::TablePosition> ResumePositions(const state::Document& document,
                                                   const rules::TableSelection& selection) {
  std::vector<source::TablePosition> positions;
  for (const auto& [name, table] : document.tables) {
    if (!selection.Selects(table.schema, table.name)) continue;
    positions.push_back({name, document.ResumePosition(table).WholeTransactions()});
  }
  return positions;
}

std::string DescribeHeadroom(const source::RetentionVerdict& retention) {
  const source::Headroom& worst = retention.headroom.front();
  const std::string unread = fmt::format("{}: changes since {} may be unread, ",
                                         NamesOf(worst.tables), FormatUtc(worst.unread_since));
  const std::string all = fmt::format("{}{}", HumanDuration(*retention.retention),
                                      retention.is_estimate ? " (by what is left)" : "");
  if (worst.left <= std::chrono::seconds{0}) {
    return unread + "which is past retention of " + all + ": the next cleanup may take them";
  }
  return fmt::format("{}and cleanup reaches them in {} at the earliest (retention {})", unread,
                     HumanDuration(worst.left), all);
}

std::string RetentionHelp(const std::string& stopped) {
  std::string help = stopped.empty() ? "let run catch up (cdc-to-s3 status shows how far it is)"
                                     : "mend what stops the table (" + stopped + ")";
  return help +
         ", or keep changes longer until then: EXEC sys.sp_cdc_change_job @job_type = N'cleanup', "
         "@retention = <minutes>";
}

void HealthWatch::AfterRound(source::Source& source, const state::Document& document) {
  if (clock_.MonotonicNow() < due_) return;
  due_ = clock_.MonotonicNow() + kInterval;
  auto health = source.Health(ResumePositions(document, selection_));
  if (!health.ok()) {
    LogEvent(Level::kDebug, "health_not_measured", {{"why", health.status().message()}});
    return;
  }
  const HealthReport report = Judge(health.MoveValueUnsafe());
  if (InTrouble(report)) due_ = clock_.MonotonicNow() + kIntervalInTrouble;
  TellCapture(report);
  TellRetention(report, document);
  if (listener_) listener_(report);
}

void HealthWatch::TellCapture(const HealthReport& report) {
  const CaptureCondition now = report.capture.condition;
  if (now == capture_ || now == CaptureCondition::kUnknown) return;
  capture_ = now;
  const std::string& database = report.health.database;
  if (now == CaptureCondition::kRuns) {
    return LogEvent(Level::kInfo, "capture_resumed", {{"database", database}});
  }
  const bool stopped = now == CaptureCondition::kStopped;
  LogEvent(stopped ? Level::kError : Level::kWarn, stopped ? "capture_stopped" : "capture_lags",
           {{"database", database}, {"why", report.capture.why}, {"help", report.capture.help}});
}

void HealthWatch::TellRetention(const HealthReport& report, const state::Document& document) {
  const RetentionCondition now = report.retention.condition;
  if (now == retention_ || now == RetentionCondition::kUnknown) return;
  retention_ = now;
  if (now == RetentionCondition::kAmple) return LogEvent(Level::kInfo, "retention_ok", {});
  const source::Headroom& worst = report.retention.headroom.front();
  const auto table = document.tables.find(worst.tables.front());
  const bool stopped = table != document.tables.end() && !table->second.stopped.empty();
  LogEvent(now == RetentionCondition::kOverdue ? Level::kError : Level::kWarn, "retention_near",
           {{"tables", NamesOf(worst.tables)},
            {"why", DescribeHeadroom(report.retention)},
            {"help", RetentionHelp(stopped ? table->second.stopped : "")}});
}

}  // namespace cdc::app

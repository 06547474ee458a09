#include <fmt/format.h>

#include <map>
#include <string>

#include "app/health_watch.h"
#include "app/verbs/check_parts.h"
#include "app/wiring.h"
#include "base/units.h"
#include "base/utc_text.h"
#include "state/state_file.h"

namespace cdc::app {

namespace {

using source::CaptureCondition;
using source::CaptureHealth;
using source::RetentionCondition;

// Where the tables are, as far as the target tells; what is wrong with it was said already.
std::vector<source::TablePosition> KnownPositions(const config::Config& config,
                                                  const Sight& sight) {
  const auto stores = OpenStores(config);
  if (!stores.ok()) return {};
  const auto stored = state::ReadDocument(stores->state(), {sight.database, config.run.group});
  if (!stored.ok() || !*stored) return {};
  return ResumePositions((*stored)->document,
                         rules::TableSelection::Make(config.source.tables, config.source.exclude));
}

arrow::Result<CaptureHealth> Measure(const config::Config& config, const Sight& sight) {
  ARROW_ASSIGN_OR_RAISE(const auto source, source::ConnectSqlServer(SourceOptions(config)));
  return source->Health(KnownPositions(config, sight));
}

std::string DescribeLag(const source::CaptureVerdict& verdict) {
  if (!verdict.lag) return "nothing tells how far it is behind the log";
  return fmt::format("{} behind the log{}", HumanDuration(*verdict.lag),
                     verdict.lag_is_exact ? "" : " at most");
}

void ShowCapture(const HealthReport& report, Findings* findings) {
  const CaptureHealth& health = report.health;
  if (health.newest_commit) {
    findings->Note(
        fmt::format("newest captured commit {}, {} ago", FormatUtc(*health.newest_commit),
                    HumanDuration(source::Age(health.server_utc, *health.newest_commit))));
  }
  switch (report.capture.condition) {
    case CaptureCondition::kStopped:
      return findings->Bad(report.capture.why + ". What helps: " + report.capture.help);
    case CaptureCondition::kLags:
      return findings->Note(report.capture.why + ". What helps: " + report.capture.help);
    case CaptureCondition::kUnknown:
      return findings->Note(report.capture.why);
    case CaptureCondition::kRuns:
      return findings->Good("capture runs, " + DescribeLag(report.capture));
  }
}

void ShowRetention(const HealthReport& report, Findings* findings) {
  const auto& retention = report.retention;
  if (!retention.retention) {
    return findings->Note(
        report.health.jobs
            ? "there is no cleanup job: change tables grow without limit (EXEC sys.sp_cdc_add_job "
              "@job_type = N'cleanup')"
            : "retention is not known, and nothing was cleaned away yet that would tell");
  }
  const std::string length = fmt::format("retention is {}{}", HumanDuration(*retention.retention),
                                         retention.is_estimate ? " (by what is left)" : "");
  if (retention.headroom.empty()) return findings->Good(length);
  if (retention.condition == RetentionCondition::kAmple) {
    return findings->Good(length + ", and " + DescribeHeadroom(retention));
  }
  findings->Bad(DescribeHeadroom(retention) + ". What helps: " + RetentionHelp(""));
}

// What one GRANT shows is said once.
void ShowUnseen(const CaptureHealth& health, Findings* findings) {
  std::map<std::string, std::string> by_grant;
  for (const source::Unseen& unseen : health.unseen) {
    if (unseen.grant.empty()) {
      findings->Note("not seen: " + unseen.what + " (" + unseen.why + ")");
      continue;
    }
    std::string& hidden = by_grant[unseen.grant];
    if (!hidden.empty()) hidden += " and ";
    hidden += unseen.what;
  }
  for (const auto& [grant, hidden] : by_grant) {
    findings->Note("hidden from this login: " + hidden + ". To see it: " + grant);
  }
}

}  // namespace

void CheckHealth(const config::Config& config, const Sight& sight, Findings* findings) {
  if (sight.instances.empty()) return;
  findings->Section("capture");
  auto health = Measure(config, sight);
  if (!health.ok()) return findings->Bad(health.status().message());
  const HealthReport report = Judge(health.MoveValueUnsafe());
  ShowCapture(report, findings);
  ShowRetention(report, findings);
  ShowUnseen(report.health, findings);
}

}  // namespace cdc::app

#include "source/health.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "base/utc_text.h"
#include "source/sql.h"

namespace cdc::source {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// The capture job looks at the log every 5 seconds by default; five minutes behind is sixty looks.
constexpr minutes kLatencyMax{5};
// An idle database gets a dummy row about every five minutes: two of them are missing.
constexpr minutes kAgeMax{10};
// Three of them are missing.
constexpr minutes kSilenceMax{15};
// A scan that ended so recently (and a few polling intervals more) is one of a running job.
constexpr minutes kScanFresh{2};
// A job that is not continuous runs by a schedule that we do not see.
constexpr hours kSchedule{1};
// An error of that age may still be the reason.
constexpr hours kErrorRecent{1};

seconds Between(UtcTime earlier, UtcTime later) { return Age(later, earlier); }

seconds PollingInterval(const CaptureHealth& health) {
  if (!health.jobs || !health.jobs->capture) return CaptureHealth::CaptureJob{}.polling_interval;
  const auto& job = *health.jobs->capture;
  return job.continuous ? job.polling_interval : std::max<seconds>(kSchedule, job.polling_interval);
}

// Nothing: not seen, or of another server.
const CaptureHealth::LogScan* Scan(const CaptureHealth& health) {
  return health.last_scan && !health.read_only ? &*health.last_scan : nullptr;
}

bool IsFresh(const CaptureHealth& health, const CaptureHealth::LogScan& scan) {
  if (!scan.ended) return true;
  return Between(*scan.ended, health.server_utc) <= kScanFresh + 3 * PollingInterval(health);
}

std::string JobName(const CaptureHealth& health) { return "cdc." + health.database + "_capture"; }

// What the number of an error of the capture process says to do (numbers: Microsoft's list of
// database engine events and errors).
std::string AdviceFor(int64_t error) {
  switch (error) {
    case 9002:
      return "the transaction log is full: give it room (ALTER DATABASE … ADD LOG FILE, or a "
             "larger "
             "MAXSIZE)";
    case 1101:
    case 1105:
      return "a filegroup is full: give it room";
    case 22903:
    case 22911:
      return "the log is read by somebody else: stop the second capture job or the Log Reader "
             "(sp_replcmds)";
    case 2628:
    case 8115:
    case 8152:
      return "a captured column was made narrower than its change table's: disable the capture "
             "instance and enable it again";
    default:
      return "";
  }
}

std::string WithLastError(const CaptureHealth& health, std::string help) {
  const auto& error = health.last_error;
  if (!error || health.read_only || Between(error->at, health.server_utc) > kErrorRecent)
    return help;
  const std::string advice = AdviceFor(error->number);
  return fmt::format("{}. The capture process's last error was {} at {}: {}{}{}", help,
                     error->number, FormatUtc(error->at), error->text, advice.empty() ? "" : "; ",
                     advice);
}

CaptureVerdict Stopped(const CaptureHealth& health, std::string why, std::string help) {
  CaptureVerdict verdict;
  verdict.condition = CaptureCondition::kStopped;
  verdict.why = std::move(why) +
                "; nothing is lost, but no change arrives and the transaction log cannot be "
                "truncated";
  if (health.log_reuse_wait == "REPLICATION") verdict.why += " (log_reuse_wait_desc REPLICATION)";
  verdict.help = WithLastError(health, std::move(help));
  if (health.newest_commit) verdict.lag = Between(*health.newest_commit, health.server_utc);
  return verdict;
}

// The things to look at where nothing tells which of them it is.
std::string LookAround(const CaptureHealth& health) {
  if (health.azure_sql_database) {
    return "Azure SQL Database captures by a scheduler of its own, about every 20 seconds, not "
           "while "
           "the database is paused and not below S3: look at sys.dm_cdc_errors, and run EXEC "
           "sys.sp_cdc_scan to see what it says";
  }
  if (health.read_only) return "this is a replica: look at the primary, and at the way from there";
  std::string help = "is SQL Server Agent running, and its job " + JobName(health) +
                     "? EXEC sys.sp_cdc_start_job @job_type = N'capture'; EXEC "
                     "sys.sp_cdc_help_jobs; SELECT * FROM sys.dm_cdc_errors";
  for (const Unseen& unseen : health.unseen) {
    if (!unseen.grant.empty()) return help + ". To see more here: " + unseen.grant;
  }
  return help;
}

// What the jobs say, where they can be seen.
std::optional<CaptureVerdict> JudgeJobs(const CaptureHealth& health) {
  if (health.read_only || health.azure_sql_database) return std::nullopt;
  if (health.agent_running && !*health.agent_running) {
    return Stopped(health, "SQL Server Agent is not running, so the capture job is not",
                   "start it: Start-Service SQLSERVERAGENT on Windows; on Linux mssql-conf set "
                   "sqlagent.enabled true and systemctl restart mssql-server. The capture job "
                   "starts with it");
  }
  const bool continuous = !health.jobs || !health.jobs->capture || health.jobs->capture->continuous;
  if (health.activity && !health.activity->running && continuous) {
    std::string why = "the capture job " + JobName(health) + " is not running";
    if (health.activity->since) why += " since " + FormatUtc(*health.activity->since);
    std::string help = "EXEC sys.sp_cdc_start_job @job_type = N'capture'";
    if (!health.activity->enabled) {
      why += ", and it is disabled";
      help = "EXEC msdb.dbo.sp_update_job @job_name = " + sql::Quote(JobName(health)) +
             ", @enabled = 1; " + help;
    }
    return Stopped(health, why,
                   help + ". Why it ended: EXEC msdb.dbo.sp_help_jobhistory @job_name = " +
                       sql::Quote(JobName(health)) + ", @mode = N'FULL'");
  }
  // Where transactional replication runs, its Log Reader captures and there is no such job.
  const bool silent =
      !health.newest_commit || Between(*health.newest_commit, health.server_utc) > kAgeMax;
  if (health.jobs && !health.jobs->capture && silent) {
    return Stopped(health,
                   "the database has no capture job (as after a restore, or a failover to another "
                   "server)",
                   "EXEC sys.sp_cdc_add_job @job_type = N'capture'; EXEC sys.sp_cdc_add_job "
                   "@job_type = N'cleanup'");
  }
  return std::nullopt;
}

// Whether silence is a sign. An idle database is as silent as one whose capture stopped, unless
// idle ones are seen to get rows here, or the log waits for capture, or the last scan is seen to be
// old.
bool SilenceTells(const CaptureHealth& health) {
  return health.has_idle_rows || health.log_reuse_wait == "REPLICATION" || Scan(health) != nullptr;
}

CaptureVerdict NothingCaptured(const CaptureHealth& health) {
  const auto* scan = Scan(health);
  CaptureVerdict verdict;
  if (scan != nullptr && IsFresh(health, *scan)) {
    verdict.condition = CaptureCondition::kRuns;
  } else if (health.first_instance && SilenceTells(health) &&
             Between(*health.first_instance, health.server_utc) > kSilenceMax) {
    verdict = Stopped(health,
                      "nothing was captured, although a table is enabled since " +
                          FormatUtc(*health.first_instance),
                      LookAround(health));
  } else {
    verdict.why = "nothing was captured yet";
  }
  return verdict;
}

// Where the log scans are seen: their own word.
CaptureVerdict JudgeScan(const CaptureHealth& health, const CaptureHealth::LogScan& scan,
                         seconds age) {
  CaptureVerdict verdict;
  verdict.lag_is_exact = scan.ended.has_value();
  verdict.lag = !scan.ended ? age : scan.transactions > 0 ? scan.latency : seconds{0};
  const seconds lag_max = (scan.ended ? kLatencyMax : kAgeMax) + 2 * PollingInterval(health);
  verdict.condition = *verdict.lag > lag_max ? CaptureCondition::kLags : CaptureCondition::kRuns;
  if (verdict.condition == CaptureCondition::kRuns) return verdict;
  verdict.why = fmt::format("the capture job is {} behind the log", HumanDuration(*verdict.lag));
  verdict.help = WithLastError(
      health,
      "a large transaction passes by itself; if it stays so, let each scan take more: EXEC "
      "sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = 5000, @maxscans = 100, then stop "
      "and start the job");
  return verdict;
}

// Where they are not: the newest captured commit.
CaptureVerdict JudgeAge(const CaptureHealth& health, seconds age) {
  const seconds patience = 2 * PollingInterval(health);
  CaptureVerdict verdict;
  if (age <= kAgeMax + patience) {
    verdict.condition = CaptureCondition::kRuns;
    verdict.lag = age;
    return verdict;
  }
  std::string why = fmt::format("the newest captured change is {} old", HumanDuration(age));
  if (!SilenceTells(health)) {
    verdict.why = why +
                  ": nothing was changed since, or capture stopped; nothing that this login "
                  "sees tells which";
    return verdict;
  }
  why += health.has_idle_rows ? ", and this database gets a row every few minutes while it is idle"
         : Scan(health)       ? ", and so is the last scan of the log"
                              : ", and the transaction log waits for capture";
  if (age > kSilenceMax + patience) return Stopped(health, why, LookAround(health));
  verdict.condition = CaptureCondition::kLags;
  verdict.lag = age;
  verdict.why = why;
  verdict.help = WithLastError(health, LookAround(health));
  return verdict;
}

}  // namespace

CaptureVerdict JudgeCapture(const CaptureHealth& health) {
  if (auto verdict = JudgeJobs(health)) return *verdict;
  if (!health.newest_commit) return NothingCaptured(health);
  const seconds age = Between(*health.newest_commit, health.server_utc);
  const auto* scan = Scan(health);
  if (scan != nullptr && IsFresh(health, *scan)) return JudgeScan(health, *scan, age);
  return JudgeAge(health, age);
}

namespace {

// A quarter of retention is the time to act (18 hours of the default 3 days: a night), but at least
// an hour, unless that is more than half of all there is.
seconds NearBelow(seconds retention) {
  return std::min(std::max<seconds>(retention / 4, hours{1}), retention / 2);
}

}  // namespace

RetentionVerdict JudgeRetention(const CaptureHealth& health) {
  RetentionVerdict verdict;
  if (health.jobs && health.jobs->retention) {
    verdict.retention = *health.jobs->retention;
  } else if (health.newest_commit && health.oldest_commit && health.first_instance &&
             *health.oldest_commit > *health.first_instance + hours{1}) {
    // Something was cleaned away already, so what is left is about what retention keeps.
    verdict.retention = Between(*health.oldest_commit, *health.newest_commit);
    verdict.is_estimate = true;
  }
  if (!verdict.retention || !health.newest_commit) return verdict;
  for (const UnreadSince& unread : health.unread) {
    const seconds left = *verdict.retention - Between(unread.since, *health.newest_commit);
    verdict.headroom.push_back({unread.tables, unread.since, left});
  }
  std::ranges::sort(verdict.headroom, {}, &Headroom::left);
  const seconds least = verdict.headroom.empty() ? *verdict.retention : verdict.headroom[0].left;
  verdict.condition = least <= seconds{0}                     ? RetentionCondition::kOverdue
                      : least < NearBelow(*verdict.retention) ? RetentionCondition::kNear
                                                              : RetentionCondition::kAmple;
  return verdict;
}

seconds Age(UtcTime server_utc, UtcTime of) {
  return std::max(seconds{0}, std::chrono::duration_cast<seconds>(server_utc - of));
}

}  // namespace cdc::source

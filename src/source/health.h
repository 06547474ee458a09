#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"

// How the server's own side of capture does: is the log read, how far behind is it, and how long
// does cleanup leave us. Times are UTC, by the server's clock.
namespace cdc::source {

// Where a table is: everything at or below `after` is delivered.
struct TablePosition {
  std::string table;  // schema.name
  Lsn after;
};

// Tables that share a resume position, and the oldest commit behind it: the first one that any of them may
// not have read.
struct UnreadSince {
  std::vector<std::string> tables;
  UtcTime since;
};

// Something that the login may not see.
struct Unseen {
  std::string what;
  std::string why;    // the server's words
  std::string grant;  // the T-SQL that shows it; "" when a missing right is not the reason
};

struct CaptureHealth {
  struct CaptureJob {
    bool continuous = true;
    std::chrono::seconds polling_interval{5};
  };
  struct Jobs {
    std::optional<CaptureJob> capture;              // nothing: there is no such job
    std::optional<std::chrono::minutes> retention;  // nothing: there is no cleanup job
  };
  struct Activity {
    bool enabled = true;
    bool running = true;
    std::optional<UtcTime> since;  // started, or stopped
  };
  struct LogScan {
    UtcTime started;
    std::optional<UtcTime> ended;  // nothing: it runs now
    int64_t transactions = 0;
    std::chrono::seconds latency{0};  // commit to change table; 0 for an empty scan
  };
  struct Error {
    UtcTime at;
    int64_t number = 0;
    std::string text;
  };

  UtcTime server_utc;
  std::string database;
  bool azure_sql_database = false;  // no SQL Server Agent there
  bool read_only = false;           // a replica: jobs and scans are those of another server
  std::string log_reuse_wait;       // sys.databases.log_reuse_wait_desc

  // Commit times of cdc.lsn_time_mapping. Dummy rows count: where an idle database gets one every
  // few minutes, the newest is a sign of life of the capture job.
  std::optional<UtcTime> newest_commit;
  std::optional<UtcTime> oldest_commit;
  bool has_idle_rows = false;  // such rows are seen, so that their absence means something
  std::optional<UtcTime> first_instance;  // when the oldest capture instance was made

  // Nothing: not seen, or not there (`unseen` tells them apart).
  std::optional<Jobs> jobs;
  std::optional<Activity> activity;
  std::optional<bool> agent_running;
  std::optional<LogScan> last_scan;
  std::optional<Error> last_error;

  std::vector<UnreadSince>
      unread;  // of the lowest resume positions that were asked for, lowest first
  std::vector<Unseen> unseen;
};

enum class CaptureCondition { kUnknown, kRuns, kLags, kStopped };

struct CaptureVerdict {
  CaptureCondition condition = CaptureCondition::kUnknown;
  std::string why;   // for people; "" when it runs
  std::string help;  // what to do
  // How far capture is behind the log. Where the log scans cannot be seen it is the age of the
  // newest captured commit, and so at most this: an idle database looks the same.
  std::optional<std::chrono::seconds> lag;
  bool lag_is_exact = false;
};

CaptureVerdict JudgeCapture(const CaptureHealth& health);

enum class RetentionCondition {
  kUnknown,  // retention is not seen, and nothing was cleaned away yet that would tell
  kAmple,
  kNear,     // cleanup comes close
  kOverdue,  // the next cleanup may take changes that are not read
};

struct Headroom {
  std::vector<std::string> tables;
  UtcTime unread_since;
  std::chrono::seconds left{0};  // of the retention clock; below 0: passed
};

struct RetentionVerdict {
  RetentionCondition condition = RetentionCondition::kUnknown;
  std::optional<std::chrono::seconds> retention;
  bool is_estimate = false;        // what the mapping holds now, not the setting
  std::vector<Headroom> headroom;  // least first
};

// Cleanup keeps what is younger than the newest captured commit minus retention: its clock is that
// of capture, and stands still with it.
RetentionVerdict JudgeRetention(const CaptureHealth& health);

// How old something is by the server's clock; 0 for what seems to come from the future.
std::chrono::seconds Age(UtcTime server_utc, UtcTime of);

}  // namespace cdc::source

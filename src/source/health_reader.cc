#include "source/health_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/utc_text.h"
#include "source/answers.h"

namespace cdc::source {

namespace {

using arrow::Result;
using arrow::Status;
using odbc::SmallResult;
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

// Of the tables' resume positions, the lowest ones tell where cleanup comes first.
constexpr size_t kPositionsMax = 3;
// A right that was missing is looked for again every so many measurements: it may have been
// granted.
constexpr int64_t kAskAgainEvery = 10;
constexpr int64_t kRowsMax = 100;

// What this room's own statements return: a text that is not a number or a time is a fault of the
// driver or of the server, and worth no measurement.
Result<int64_t> Int(const Cell& cell) {
  int64_t value = 0;
  const std::string& text = cell ? *cell : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Status::IOError("the server gave '", text, "' for a number");
  }
  return value;
}

Result<std::optional<UtcTime>> Time(const Cell& cell) {
  if (!cell) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const UtcTime time, ParseUtc(*cell + "Z"));
  return time;
}

Result<UtcTime> RequiredTime(const Cell& cell) {
  ARROW_ASSIGN_OR_RAISE(const auto time, Time(cell));
  if (!time) return Status::IOError("the server gave NULL for a time");
  return *time;
}

// A time that comes twice was the second one, if that is past.
Result<std::optional<UtcTime>> LatestTime(const Cell& first, const Cell& second, UtcTime now) {
  ARROW_ASSIGN_OR_RAISE(const auto later, Time(second));
  return later && *later <= now ? later : Time(first);
}

Status ReadJobs(const std::vector<Row>& rows, CaptureHealth* health) {
  health->jobs.emplace();
  for (const Row& row : rows) {
    if (row[0] == "capture") {
      CaptureHealth::CaptureJob job;
      job.continuous = row[1] != "0";
      // Azure leaves the interval NULL or 0: its scheduler has one of its own.
      if (row[2]) {
        ARROW_ASSIGN_OR_RAISE(const int64_t interval, Int(row[2]));
        job.polling_interval = std::chrono::seconds(interval);
      }
      health->jobs->capture = job;
    } else if (row[3]) {
      ARROW_ASSIGN_OR_RAISE(const int64_t retention, Int(row[3]));
      health->jobs->retention = std::chrono::minutes(retention);
    }
  }
  return Status::OK();
}

Status ReadActivity(const std::vector<Row>& rows, CaptureHealth* health) {
  if (rows.empty()) return Status::OK();  // no capture job: the jobs say so
  const Row& row = rows[0];
  CaptureHealth::Activity activity;
  activity.enabled = row[0] != "0";
  activity.running = row[1] && !row[2];
  ARROW_ASSIGN_OR_RAISE(activity.since, Time(row[2] ? row[2] : row[1]));
  health->activity = activity;
  return Status::OK();
}

Status ReadAgent(const std::vector<Row>& rows, CaptureHealth* health) {
  constexpr int64_t kRunning = 4;
  if (rows.empty()) return Status::OK();  // a server that does not list it
  ARROW_ASSIGN_OR_RAISE(const int64_t status, Int(rows[0][0]));
  health->agent_running = status == kRunning;
  return Status::OK();
}

Status ReadScan(const std::vector<Row>& rows, CaptureHealth* health) {
  if (rows.empty()) return Status::OK();
  CaptureHealth::LogScan scan;
  ARROW_ASSIGN_OR_RAISE(scan.started, RequiredTime(rows[0][0]));
  ARROW_ASSIGN_OR_RAISE(scan.ended, LatestTime(rows[0][1], rows[0][2], health->server_utc));
  ARROW_ASSIGN_OR_RAISE(scan.transactions, Int(rows[0][3]));
  ARROW_ASSIGN_OR_RAISE(const int64_t latency, Int(rows[0][4]));
  scan.latency = std::chrono::seconds(latency);
  health->last_scan = scan;
  return Status::OK();
}

Status ReadError(const std::vector<Row>& rows, CaptureHealth* health) {
  if (rows.empty()) return Status::OK();
  CaptureHealth::Error error;
  ARROW_ASSIGN_OR_RAISE(error.at, RequiredTime(rows[0][0]));
  ARROW_ASSIGN_OR_RAISE(error.number, Int(rows[0][1]));
  error.text = rows[0][2].value_or("");
  health->last_error = error;
  return Status::OK();
}

// What a login may lack a right for.
struct Part {
  const char* what;
  sql::TimedText text;
  std::string grant;
  Status (*read)(const std::vector<Row>& rows, CaptureHealth* health);
};

// One measurement over one connection.
class Measurement {
 public:
  Measurement(odbc::Connection& connection, const sql::CommitTime& commit_time)
      : connection_(connection), commit_time_(commit_time) {}

  Result<std::vector<SmallResult>> Ask(const std::string& text,
                                       const std::vector<odbc::Parameter>& parameters = {}) {
    return connection_.Query(text, parameters, kRowsMax);
  }

  Result<std::vector<SmallResult>> Ask(const sql::TimedText& timed, const Lsn* lsn = nullptr) {
    std::vector<odbc::Parameter> parameters(static_cast<size_t>(timed.offsets),
                                            -commit_time_.offset_minutes);
    if (lsn != nullptr) parameters.emplace_back(*lsn);
    return Ask(timed.text, parameters);
  }

  // What every login that can read changes may see.
  Status ReadDatabase(CaptureHealth* health) {
    ARROW_ASSIGN_OR_RAISE(const auto now, Ask(sql::kDatabaseHealth));
    ARROW_RETURN_NOT_OK(Expect(now, 2));
    if (now[0].rows.size() != 1 || now[1].rows.size() != 1) {
      return Status::IOError("the server did not tell its time, or does not show this database");
    }
    ARROW_ASSIGN_OR_RAISE(health->server_utc, RequiredTime(now[0].rows[0][0]));
    health->log_reuse_wait = now[1].rows[0][0].value_or("");
    health->read_only = now[1].rows[0][1] == "READ_ONLY";

    ARROW_ASSIGN_OR_RAISE(const auto ends, Ask(sql::MappingEnds(commit_time_)));
    ARROW_RETURN_NOT_OK(Expect(ends, 3));
    std::optional<UtcTime>* const times[] = {&health->newest_commit, &health->oldest_commit,
                                             &health->first_instance};
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].rows.empty()) continue;
      const Row& row = ends[i].rows[0];
      ARROW_ASSIGN_OR_RAISE(*times[i],
                            LatestTime(row[0], i == 0 ? row[1] : Cell(), health->server_utc));
    }
    ARROW_ASSIGN_OR_RAISE(const auto newest, Ask(sql::kNewestRows));
    ARROW_RETURN_NOT_OK(Expect(newest, 1));
    ARROW_ASSIGN_OR_RAISE(health->has_idle_rows, ShowsIdleRows(newest[0]));
    return Status::OK();
  }

  Status ReadPart(const Part& part, CaptureHealth* health) {
    ARROW_ASSIGN_OR_RAISE(const auto results, Ask(part.text));
    if (part.read != ReadJobs) {
      ARROW_RETURN_NOT_OK(Expect(results, 1));
      return part.read(results[0].rows, health);
    }
    if (results.empty()) return Expect(results, 1);
    // Managed servers have views in the table's place that show a login its own jobs alone.
    const bool is_table =
        results.size() == 2 && results[1].rows.size() == 1 && results[1].rows[0][0];
    if (results[0].rows.empty() && !is_table) {
      return Status::IOError("the server shows this login no job of the database");
    }
    return part.read(results[0].rows, health);
  }

  Status ReadPositions(const std::vector<TablePosition>& tables, CaptureHealth* health) {
    std::map<Lsn, std::vector<std::string>> positions;
    for (const TablePosition& table : tables) positions[table.after].push_back(table.table);
    size_t asked = 0;
    for (auto& [after, names] : positions) {
      if (asked++ == kPositionsMax) break;
      ARROW_ASSIGN_OR_RAISE(const auto first, Ask(sql::FirstCommitAfter(commit_time_), &after));
      ARROW_RETURN_NOT_OK(Expect(first, 1));
      if (first[0].rows.empty()) break;  // nothing behind it, nor behind the higher ones
      ARROW_ASSIGN_OR_RAISE(const UtcTime since, RequiredTime(first[0].rows[0][0]));
      health->unread.push_back({std::move(names), since});
    }
    return Status::OK();
  }

 private:
  static Status Expect(const std::vector<SmallResult>& results, size_t count) {
    if (results.size() == count) return Status::OK();
    return Status::IOError("the server sent ", results.size(), " results where ", count,
                           " were expected");
  }

  odbc::Connection& connection_;
  const sql::CommitTime& commit_time_;
};

std::vector<Part> Parts(const HealthReader::Server& server, const sql::CommitTime& commit_time) {
  const std::string user = server.user.empty() ? "<user>" : sql::Bracket(server.user);
  const std::string scans =
      fmt::format("USE {}; GRANT VIEW DATABASE {}STATE TO {}", sql::Bracket(server.database),
                  server.version.HasNarrowRights() ? "PERFORMANCE " : "", user);
  std::vector<Part> parts = {
      {"the scans of the log", sql::LastLogScan(commit_time), scans, ReadScan},
      {"the capture process's errors", sql::LastCaptureError(commit_time), scans, ReadError},
  };
  if (server.version.IsAzureSqlDatabase()) {
    parts.push_back({"retention", {sql::kJobsOfAzure}, "", ReadJobs});
    return parts;
  }
  const std::string in_msdb = fmt::format(
      "USE msdb; IF DATABASE_PRINCIPAL_ID({}) IS NULL CREATE USER {} FOR LOGIN {}; GRANT SELECT ON "
      "dbo.",
      sql::Quote(server.user), user, user);
  parts.push_back({"retention and the jobs' settings",
                   {sql::kJobs},
                   fmt::format("{}cdc_jobs TO {}", in_msdb, user),
                   ReadJobs});
  parts.push_back(
      {"whether the capture job runs", sql::CaptureJobActivity(commit_time),
       fmt::format("{0}cdc_jobs TO {1}; GRANT SELECT ON dbo.sysjobs TO {1}; GRANT SELECT ON "
                   "dbo.sysjobactivity TO {1}; GRANT SELECT ON dbo.syssessions TO {1}",
                   in_msdb, user),
       ReadActivity});
  // Managed Instance runs it always, and lists no services.
  if (server.version.IsManagedInstance()) return parts;
  parts.push_back({"whether SQL Server Agent runs",
                   {sql::kAgentService},
                   fmt::format("USE master; GRANT VIEW SERVER {}STATE TO {}",
                               server.version.HasNarrowRights() ? "SECURITY " : "", user),
                   ReadAgent});
  return parts;
}

}  // namespace

Result<CaptureHealth> HealthReader::Read(odbc::Connection& connection,
                                         const sql::CommitTime& commit_time,
                                         const std::vector<TablePosition>& tables) {
  Measurement measurement(connection, commit_time);
  CaptureHealth health;
  health.database = server_.database;
  health.azure_sql_database = server_.version.IsAzureSqlDatabase();
  ARROW_RETURN_NOT_OK(measurement.ReadDatabase(&health));
  ARROW_RETURN_NOT_OK(measurement.ReadPositions(tables, &health));
  if (measurements_++ % kAskAgainEvery == 0) refused_.clear();
  for (const Part& part : Parts(server_, commit_time)) {
    const auto known = refused_.find(part.what);
    if (known != refused_.end()) {
      health.unseen.push_back(known->second);
      continue;
    }
    const Status read = measurement.ReadPart(part, &health);
    if (read.ok()) continue;
    const Retry error = FaultOf(read).retry;
    if (error == Retry::kAfterReconnect) return read;
    const Unseen unseen{part.what, read.message(), IsDenied(read) ? part.grant : ""};
    if (error == Retry::kWhenSomebodyActs) refused_.emplace(part.what, unseen);
    health.unseen.push_back(unseen);
  }
  return health;
}

}  // namespace cdc::source

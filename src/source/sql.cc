#include "source/sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "columns/type_table.h"

namespace cdc::source::sql {

std::string Bracket(std::string_view name) {
  std::string out = "[";
  for (const char c : name) {
    out += c;
    if (c == ']') out += ']';
  }
  return out + ']';
}

std::string Quote(std::string_view text) {
  std::string out = "N'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += '\'';
  }
  return out + '\'';
}

std::string EnableCdc(std::string_view database) {
  return "USE " + Bracket(database) + "; EXEC sys.sp_cdc_enable_db";
}

// A value is bound as up to twice its bytes, and texts of bounded length (columns/value_length.cc)
// stay far below the rest.
int64_t TextSizeBytes(int64_t max_value_bytes) { return 2 * max_value_bytes + (1 << 20); }

std::string SessionSettings(int64_t lock_timeout_ms, int64_t max_value_bytes) {
  return fmt::format(
      "SET DEADLOCK_PRIORITY LOW; SET LOCK_TIMEOUT {}; SET TRANSACTION ISOLATION LEVEL READ "
      "COMMITTED; SET TEXTSIZE {}; SET NOCOUNT OFF",
      lock_timeout_ms, TextSizeBytes(max_value_bytes));
}

const char kIdentify[] =
    "SELECT d.name, CONVERT(nvarchar(36), d.service_broker_guid) AS broker_guid, "
    "CONVERT(int, d.is_cdc_enabled) AS is_cdc_enabled, "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ServerName')) AS server_name, "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS product_version, "
    "CONVERT(int, SERVERPROPERTY('EngineEdition')) AS engine_edition "
    "FROM sys.databases AS d WHERE d.database_id = DB_ID()";

const char kRecoveryStatus[] =
    "SELECT CONVERT(nvarchar(36), r.family_guid) AS family_guid, "
    "CONVERT(nvarchar(36), r.recovery_fork_guid) AS recovery_fork_guid "
    "FROM sys.database_recovery_status AS r WHERE r.database_id = DB_ID()";

const char kEncryptOption[] =
    "SELECT c.encrypt_option FROM sys.dm_exec_connections AS c WHERE c.session_id = @@SPID";

// READPAST only here: committed rows alone count, and the capture job's open batch must not block
// us.
#define CDC_HORIZON_ROWS                                                                   \
  "SELECT TOP (2) m.start_lsn, m.tran_id, CONVERT(nvarchar(30), m.tran_end_time, 121) AS " \
  "tran_end_time "                                                                         \
  "FROM cdc.lsn_time_mapping AS m WITH (READPAST) ORDER BY m.start_lsn DESC; "
#define CDC_INSTANCES                                                             \
  "SELECT ct.object_id, ct.source_object_id, ct.capture_instance, ct.start_lsn, " \
  "OBJECT_SCHEMA_NAME(ct.source_object_id) AS source_schema, "                    \
  "OBJECT_NAME(ct.source_object_id) AS source_name, "                             \
  "OBJECT_NAME(ct.object_id) AS change_table, "                                   \
  "CONVERT(nvarchar(30), ct.create_date, 121) AS create_date "                    \
  "FROM cdc.change_tables AS ct "

#define CDC_BY_ID "ORDER BY ct.object_id"
#define CDC_LSN_MAX "0xFFFFFFFFFFFFFFFFFFFF"
#define CDC_SERVER_TIME                                              \
  "SELECT CONVERT(nvarchar(30), SYSUTCDATETIME(), 121) AS utc_now, " \
  "DATEDIFF(minute, SYSUTCDATETIME(), SYSDATETIME()) AS offset_minutes; "

const char kPoll[] = CDC_HORIZON_ROWS CDC_SERVER_TIME
    "SELECT CONVERT(nvarchar(30), m.tran_end_time, 121) AS tran_end_time "
    "FROM cdc.lsn_time_mapping AS m WHERE m.start_lsn = ?; "
    "SELECT MIN(m.start_lsn) AS first_lsn, MAX(m.start_lsn) AS last_lsn "
    "FROM cdc.lsn_time_mapping AS m; " CDC_INSTANCES CDC_BY_ID;

const char kHorizonAndInstances[] = CDC_HORIZON_ROWS CDC_INSTANCES CDC_BY_ID;
const char kHorizonAndInstance[] = CDC_HORIZON_ROWS CDC_INSTANCES "WHERE ct.object_id = ?";
const char kInstances[] = CDC_INSTANCES CDC_BY_ID;
const char kHorizonAndTime[] = CDC_HORIZON_ROWS CDC_SERVER_TIME;

const char kCommitsBelow[] =
    "SELECT MAX(m.start_lsn) AS last_lsn, "
    "MAX(CASE WHEN m.start_lsn < f.first_lsn THEN m.start_lsn END) AS last_before "
    "FROM cdc.lsn_time_mapping AS m "
    "CROSS JOIN (SELECT COALESCE(MIN(a.start_lsn), " CDC_LSN_MAX
    ") AS first_lsn "
    "FROM cdc.lsn_time_mapping AS a WHERE a.tran_end_time >= CONVERT(datetime2(3), ?)) AS f "
    "WHERE m.start_lsn < ?";

// Alias types arrive as their base type; CLR types (hierarchyid, geometry, geography) share one
// system type, so their own name counts, and json's and vector's, which others stand behind (vector
// has varbinary's number; measured by users of SQL Server 2025). The change table's columns are
// described, not the source's: those are what is read, and an ALTER reaches them later.
const char kDescribe[] =
    "SELECT cc.column_name, cc.column_id, cc.column_ordinal, CONVERT(int, cc.is_computed) AS "
    "is_computed, "
    "CASE WHEN t.is_assembly_type = 1 OR (t.is_user_defined = 0 AND t.name IN (N'json', "
    "N'vector')) "
    "THEN t.name ELSE b.name END AS type_name, "
    "c.max_length, c.precision, c.scale, c.collation_name, "
    "CONVERT(int, COALESCE(t.is_assembly_type, 0)) AS is_assembly_type "
    "FROM cdc.captured_columns AS cc "
    "JOIN sys.columns AS c ON c.object_id = cc.object_id AND c.name = cc.column_name "
    "LEFT JOIN sys.types AS t ON t.user_type_id = c.user_type_id "
    "LEFT JOIN sys.types AS b ON b.user_type_id = c.system_type_id "
    "WHERE cc.object_id = ? ORDER BY cc.column_ordinal; "
    "SELECT ic.column_name FROM cdc.index_columns AS ic WHERE ic.object_id = ? ORDER BY "
    "ic.index_ordinal; "
    "SELECT c.name FROM sys.columns AS c WHERE c.object_id = ? AND c.name = N'__$command_id'";

const char kCapturedColumns[] =
    "SELECT cc.object_id, cc.column_name, cc.column_type, cc.column_id "
    "FROM cdc.captured_columns AS cc "
    "ORDER BY cc.object_id, cc.column_ordinal";

std::string Probe(const std::vector<std::string>& change_tables) {
  std::string text;
  for (size_t i = 0; i < change_tables.size(); ++i) {
    if (i > 0) text += " UNION ALL ";
    text += fmt::format(
        "SELECT {} AS probe WHERE EXISTS (SELECT 1 FROM cdc.{} AS ct WHERE ct.[__$start_lsn] > ? "
        "AND "
        "ct.[__$start_lsn] <= ?)",
        i, Bracket(change_tables[i]));
  }
  return text;
}

namespace {

// The server's zone as an expression; not for kOffsetNow.
std::string Zone(const CommitTime& commit_time) {
  return commit_time.mode == CommitTime::Mode::kServerZone ? "CURRENT_TIMEZONE_ID()"
                                                           : Quote(commit_time.zone);
}

// A time that the server writes as its local one, in UTC. AT TIME ZONE takes the offset before the
// change for a local time that comes twice.
std::string InUtc(const CommitTime& commit_time, std::string_view local) {
  if (commit_time.mode == CommitTime::Mode::kOffsetNow) {
    return fmt::format("CAST(DATEADD(minute, ?, {}) AS datetime2(3))", local);
  }
  return fmt::format("CAST({} AT TIME ZONE {} AT TIME ZONE N'UTC' AS datetime2(3))", local,
                     Zone(commit_time));
}

// By how many minutes clocks go back: an hour, or less in a few zones.
constexpr int kClocksGoBack[] = {60, 45, 30};

// `utc`, which is what InUtc made of `local`, or that plus the minutes by which clocks went back if
// the local time comes twice: then `local` is also what that later moment reads. A second of
// tolerance is for the rounding of datetime. Where no zone is known this cannot be told: `utc`.
std::string SecondPass(const CommitTime& commit_time, std::string_view utc,
                       std::string_view local) {
  const auto later = [&](int minutes) {
    return fmt::format("DATEADD(minute, {}, {})", minutes, utc);
  };
  if (commit_time.mode == CommitTime::Mode::kOffsetNow) return std::string(utc);
  std::string text = "CASE";
  for (const int minutes : kClocksGoBack) {
    text += fmt::format(
        " WHEN ABS(DATEDIFF(second, {}, CAST({} AT TIME ZONE N'UTC' AT TIME ZONE {} AS "
        "datetime2(3)))) <= 1 THEN {}",
        local, later(minutes), Zone(commit_time), later(minutes));
  }
  return fmt::format("{} ELSE {} END", text, utc);
}

// The latest moment that a commit may have been at. The offset of now may be an hour too large.
std::string LatestUtc(const CommitTime& commit_time, std::string_view utc, std::string_view local) {
  return commit_time.mode == CommitTime::Mode::kOffsetNow
             ? fmt::format("DATEADD(minute, 60, {})", utc)
             : SecondPass(commit_time, utc, local);
}

std::string CommitTimeExpression(const CommitTime& commit_time) {
  return InUtc(commit_time, "t.tran_end_time");
}

}  // namespace

std::string CountRows(const std::string& change_table) {
  return fmt::format(
      "SELECT COUNT(*) AS row_count FROM (SELECT TOP (?) ct.[__$start_lsn] FROM cdc.{} AS ct "
      "WHERE ct.[__$start_lsn] > ?) AS t",
      Bracket(change_table));
}

std::string LastCommitBefore(const CommitTime& commit_time) {
  return fmt::format(
      "SELECT MAX(m.start_lsn) AS last_lsn FROM cdc.lsn_time_mapping AS m WHERE m.start_lsn < "
      "COALESCE((SELECT TOP (1) t.start_lsn FROM (SELECT l.start_lsn, l.tran_end_time, {} AS utc "
      "FROM cdc.lsn_time_mapping AS l) AS t CROSS JOIN (SELECT CONVERT(datetime2(3), ?) AS utc) AS "
      "s WHERE {} >= s.utc ORDER BY t.start_lsn), " CDC_LSN_MAX ")",
      InUtc(commit_time, "l.tran_end_time"), LatestUtc(commit_time, "t.utc", "t.tran_end_time"));
}

namespace {

// Drivers print a sql_variant each in their own way and hide its base type, so the server tells
// both in one text (columns/variant_text.h reads it): the type with precision, scale and length,
// then the exact value. A float's exact value is its bits. NULL stays NULL, as property and as sum.
std::string VariantText(const std::string& column) {
  const auto property = [&](std::string_view name) {
    return fmt::format("SQL_VARIANT_PROPERTY({}, '{}')", column, name);
  };
  const auto when = [&](std::string_view base, std::string_view converted, int style) {
    return fmt::format("WHEN N'{}' THEN CONVERT(nvarchar(max), {}, {}) ", base, converted, style);
  };
  const auto as = [&](std::string_view type) {
    return fmt::format("CONVERT({}, {})", type, column);
  };
  const std::string bits = fmt::format("CONVERT(binary(8), {})", as("float"));
  std::string text = fmt::format(
      "CONVERT(nvarchar(max), {}) + N'(' + CONVERT(nvarchar(11), {}) + N',' + "
      "CONVERT(nvarchar(11), {}) + N',' + CONVERT(nvarchar(11), {}) + N')' + ",
      property("BaseType"), property("Precision"), property("Scale"), property("MaxLength"));
  text += fmt::format("CASE CONVERT(nvarchar(128), {}) ", property("BaseType"));
  for (const char* base : {"float", "real"}) text += when(base, bits, 1);
  for (const char* base : {"binary", "varbinary"}) text += when(base, as("varbinary(8000)"), 1);
  for (const char* base : {"money", "smallmoney"}) text += when(base, as("money"), 2);
  text += when("date", as("date"), 121) + when("time", as("time(7)"), 121);
  for (const char* base : {"datetime", "smalldatetime"}) text += when(base, as("datetime"), 121);
  text += when("datetime2", as("datetime2(7)"), 121);
  text += when("datetimeoffset", as("datetimeoffset(7)"), 121);
  return text + "ELSE " + as("nvarchar(max)") + " END";
}

// Enough for any text of the column: no UTF-16 unit comes from less than a byte.
std::string Utf16Length(const columns::SourceColumn& column) {
  const int bytes = column.max_length_bytes;
  return bytes < 0 || bytes > 4000 ? "max" : std::to_string(bytes);
}

// A captured column as the SELECT names it.
std::string ColumnExpression(const columns::SourceColumn& column) {
  const std::string name = Bracket(column.name);
  switch (columns::ReadAsOf(column)) {
    case columns::ReadAs::kItself:
      break;
    case columns::ReadAs::kUtf16:
      return fmt::format("CONVERT(nvarchar({1}), ct.{0}) AS {0}", name, Utf16Length(column));
    case columns::ReadAs::kText:
      return fmt::format("CONVERT(nvarchar(max), ct.{0}) AS {0}", name);
    case columns::ReadAs::kVariantText:
      return fmt::format("{} AS {}", VariantText("ct." + name), name);
    case columns::ReadAs::kNothing:
      return "CAST(NULL AS varbinary(1)) AS " + name;
  }
  return "ct." + name;
}

std::string SelectFrom(const TableDescription& table, const CommitTime& commit_time) {
  std::string text = "SELECT ct.[__$start_lsn], ";
  text += table.has_command_id ? "ct.[__$command_id], " : "CAST(NULL AS int) AS [__$command_id], ";
  text += "ct.[__$seqval], ct.[__$operation], ct.[__$update_mask], " +
          CommitTimeExpression(commit_time) + " AS [__$commit_time]";
  for (const columns::SourceColumn& column : table.columns) text += ", " + ColumnExpression(column);
  return text + " FROM cdc." + Bracket(table.instance.change_table) +
         " AS ct LEFT JOIN cdc.lsn_time_mapping AS t ON t.start_lsn = ct.[__$start_lsn]";
}

// The clustered index's order: __$seqval alone is none.
std::string OrderBy(const TableDescription& table) {
  return table.has_command_id
             ? " ORDER BY ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"
             : " ORDER BY ct.[__$start_lsn], ct.[__$seqval], ct.[__$operation]";
}

}  // namespace

std::string ReadWindow(const TableDescription& table, const CommitTime& commit_time) {
  return SelectFrom(table, commit_time) +
         " WHERE ct.[__$start_lsn] > ? AND ct.[__$start_lsn] <= ?" + OrderBy(table);
}

std::string ReadInside(const TableDescription& table, const CommitTime& commit_time,
                       bool row_has_command_id) {
  constexpr char kAfterRow[] =
      "(ct.[__$seqval] > ? OR (ct.[__$seqval] = ? AND ct.[__$operation] > ?))";
  std::string after = kAfterRow;
  if (row_has_command_id) {
    after = fmt::format("(ct.[__$command_id] > ? OR (ct.[__$command_id] = ? AND {}))", kAfterRow);
  } else if (table.has_command_id) {  // NULL sorts first: every row with an id comes after
    after = fmt::format("(ct.[__$command_id] IS NOT NULL OR {})", kAfterRow);
  }
  return SelectFrom(table, commit_time) + " WHERE ct.[__$start_lsn] = ? AND " + after +
         OrderBy(table);
}

const char kDatabaseHealth[] = CDC_SERVER_TIME
    "SELECT d.log_reuse_wait_desc, CONVERT(nvarchar(20), DATABASEPROPERTYEX(d.name, "
    "'Updateability')) AS updateability FROM sys.databases AS d WHERE d.database_id = DB_ID()";

const char kJobs[] =
    "SELECT j.job_type, CONVERT(int, j.continuous) AS continuous, j.pollinginterval, j.retention "
    "FROM msdb.dbo.cdc_jobs AS j WHERE j.database_id = DB_ID(); "
    "SELECT OBJECT_ID(N'msdb.dbo.cdc_jobs', N'U') AS table_id";
const char kJobsOfAzure[] =
    "SELECT j.job_type, CONVERT(int, j.continuous) AS continuous, j.pollinginterval, j.retention "
    "FROM cdc.cdc_jobs AS j";

const char kAgentService[] =
    "SELECT s.status FROM sys.dm_server_services AS s WHERE s.servicename LIKE N'SQL Server Agent "
    "(%'";

namespace {

TimedText Timed(std::string text) {
  const auto offsets = std::count(text.begin(), text.end(), '?');
  return {std::move(text), static_cast<int>(offsets)};
}

std::string UtcText(const CommitTime& commit_time, std::string_view local, std::string_view name) {
  return fmt::format("CONVERT(nvarchar(30), {}, 121) AS {}", InUtc(commit_time, local), name);
}

}  // namespace

// READPAST: the capture job inserts at one end, cleanup deletes at the other, and neither must
// wait for a look at the time.
TimedText MappingEnds(const CommitTime& commit_time) {
  return Timed(fmt::format(
      "SELECT CONVERT(nvarchar(30), t.utc, 121) AS committed, CONVERT(nvarchar(30), {}, 121) AS "
      "committed_at_latest FROM (SELECT TOP (1) l.tran_end_time, {} AS utc FROM "
      "cdc.lsn_time_mapping AS l WITH (READPAST) ORDER BY l.start_lsn DESC) AS t; "
      "SELECT TOP (1) {} FROM cdc.lsn_time_mapping AS t WITH (READPAST) ORDER BY t.start_lsn ASC; "
      "SELECT {} FROM cdc.change_tables AS ct",
      SecondPass(commit_time, "t.utc", "t.tran_end_time"), InUtc(commit_time, "l.tran_end_time"),
      UtcText(commit_time, "t.tran_end_time", "committed"),
      UtcText(commit_time, "MIN(ct.create_date)", "first_instance")));
}

const char kNewestRows[] =
    "SELECT TOP (64) t.tran_id, CONVERT(nvarchar(30), t.tran_end_time, 121) AS tran_end_time "
    "FROM cdc.lsn_time_mapping AS t WITH (READPAST) ORDER BY t.start_lsn DESC";

TimedText FirstCommitAfter(const CommitTime& commit_time) {
  TimedText timed = Timed("SELECT TOP (1) " + UtcText(commit_time, "t.tran_end_time", "committed") +
                          " FROM cdc.lsn_time_mapping AS t WITH (READPAST) WHERE t.start_lsn > ");
  timed.text += "? ORDER BY t.start_lsn ASC";
  return timed;
}

TimedText CaptureJobActivity(const CommitTime& commit_time) {
  return Timed("SELECT CONVERT(int, j.enabled) AS enabled, " +
               UtcText(commit_time, "a.start_execution_date", "started") + ", " +
               UtcText(commit_time, "a.stop_execution_date", "stopped") +
               " FROM msdb.dbo.cdc_jobs AS c JOIN msdb.dbo.sysjobs AS j ON j.job_id = c.job_id "
               "LEFT JOIN msdb.dbo.sysjobactivity AS a ON a.job_id = c.job_id AND a.session_id = "
               "(SELECT MAX(s.session_id) FROM msdb.dbo.syssessions AS s) "
               "WHERE c.database_id = DB_ID() AND c.job_type = N'capture'");
}

TimedText LastLogScan(const CommitTime& commit_time) {
  return Timed(fmt::format(
      "SELECT {}, CONVERT(nvarchar(30), s.utc, 121) AS ended, CONVERT(nvarchar(30), {}, 121) AS "
      "ended_at_latest, s.tran_count, s.latency FROM (SELECT TOP (1) d.start_time, d.end_time, {} "
      "AS utc, d.tran_count, d.latency FROM sys.dm_cdc_log_scan_sessions AS d "
      "WHERE d.session_id > 0 ORDER BY d.session_id DESC) AS s",
      UtcText(commit_time, "s.start_time", "started"),
      SecondPass(commit_time, "s.utc", "s.end_time"), InUtc(commit_time, "d.end_time")));
}

TimedText LastCaptureError(const CommitTime& commit_time) {
  return Timed("SELECT TOP (1) " + UtcText(commit_time, "e.entry_time", "entered") +
               ", e.error_number, e.error_message FROM sys.dm_cdc_errors AS e "
               "ORDER BY e.entry_time DESC");
}

}  // namespace cdc::source::sql

#include "source/sql.h"

#include <fmt/format.h>

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

std::string SessionSettings(int64_t lock_timeout_ms) {
  return fmt::format(
      "SET DEADLOCK_PRIORITY LOW; SET LOCK_TIMEOUT {}; SET TRANSACTION ISOLATION LEVEL READ "
      "COMMITTED; "
      "SET NOCOUNT OFF",
      lock_timeout_ms);
}

const char kIdentify[] =
    "SELECT d.name, CONVERT(nvarchar(36), d.service_broker_guid) AS broker_guid, "
    "CONVERT(int, d.is_cdc_enabled) AS is_cdc_enabled, "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ServerName')) AS server_name, "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS product_version, "
    "CONVERT(int, SERVERPROPERTY('EngineEdition')) AS engine_edition, "
    "CONVERT(int, SERVERPROPERTY('ProductMajorVersion')) AS major_version "
    "FROM sys.databases AS d WHERE d.database_id = DB_ID()";

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
  "FROM cdc.change_tables AS ct ORDER BY ct.object_id"

#define CDC_SERVER_TIME                                              \
  "SELECT CONVERT(nvarchar(30), SYSUTCDATETIME(), 121) AS utc_now, " \
  "DATEDIFF(minute, SYSUTCDATETIME(), SYSDATETIME()) AS offset_minutes; "

const char kPoll[] = CDC_HORIZON_ROWS CDC_SERVER_TIME
    "SELECT CONVERT(nvarchar(30), m.tran_end_time, 121) AS tran_end_time "
    "FROM cdc.lsn_time_mapping AS m WHERE m.start_lsn = ?; "
    "SELECT MIN(m.start_lsn) AS first_lsn, MAX(m.start_lsn) AS last_lsn "
    "FROM cdc.lsn_time_mapping AS m; " CDC_INSTANCES;

const char kHorizonAndInstances[] = CDC_HORIZON_ROWS CDC_INSTANCES;
const char kInstances[] = CDC_INSTANCES;
const char kHorizonAndTime[] = CDC_HORIZON_ROWS CDC_SERVER_TIME;

// Alias types arrive as their base type; CLR types (hierarchyid, geometry, geography) share one
// system type, so their own name counts. The change table's columns are described, not the
// source's: those are what is read, and an ALTER reaches them later.
const char kDescribe[] =
    "SELECT cc.column_name, cc.column_id, cc.column_ordinal, CONVERT(int, cc.is_computed) AS "
    "is_computed, "
    "CASE WHEN t.is_assembly_type = 1 THEN t.name ELSE b.name END AS type_name, "
    "c.max_length, c.precision, c.scale, c.collation_name "
    "FROM cdc.captured_columns AS cc "
    "JOIN sys.columns AS c ON c.object_id = cc.object_id AND c.name = cc.column_name "
    "LEFT JOIN sys.types AS t ON t.user_type_id = c.user_type_id "
    "LEFT JOIN sys.types AS b ON b.user_type_id = c.system_type_id "
    "WHERE cc.object_id = ? ORDER BY cc.column_ordinal; "
    "SELECT ic.column_name FROM cdc.index_columns AS ic WHERE ic.object_id = ? ORDER BY "
    "ic.index_ordinal; "
    "SELECT c.name FROM sys.columns AS c WHERE c.object_id = ? AND c.name = N'__$command_id'";

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

std::string CommitTimeExpression(const CommitTime& commit_time) {
  switch (commit_time.mode) {
    case CommitTime::Mode::kServerZone:
      return "CAST(t.tran_end_time AT TIME ZONE CURRENT_TIMEZONE_ID() AT TIME ZONE N'UTC' AS "
             "datetime2(3))";
    case CommitTime::Mode::kNamedZone:
      return fmt::format(
          "CAST(t.tran_end_time AT TIME ZONE {} AT TIME ZONE N'UTC' AS datetime2(3))",
          Quote(commit_time.zone));
    case CommitTime::Mode::kOffsetNow:
      return "CAST(DATEADD(minute, ?, t.tran_end_time) AS datetime2(3))";
  }
  return {};
}

}  // namespace

std::string LastCommitBefore(const CommitTime& commit_time) {
  return "SELECT MAX(t.start_lsn) AS last_lsn FROM cdc.lsn_time_mapping AS t WHERE " +
         CommitTimeExpression(commit_time) + " < CONVERT(datetime2(3), ?)";
}

namespace {

std::string SelectFrom(const TableDescription& table, const CommitTime& commit_time) {
  std::string text = "SELECT ct.[__$start_lsn], ";
  text += table.has_command_id ? "ct.[__$command_id], " : "CAST(NULL AS int) AS [__$command_id], ";
  text += "ct.[__$seqval], ct.[__$operation], ct.[__$update_mask], " +
          CommitTimeExpression(commit_time) + " AS [__$commit_time]";
  for (const columns::SourceColumn& column : table.columns) text += ", ct." + Bracket(column.name);
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

std::string CaptureOnly(const CaptureInstance& instance, const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + Bracket(column);
  const std::string names = fmt::format("@source_schema = {}, @source_name = {}",
                                        Quote(instance.schema), Quote(instance.table));
  return fmt::format(
      "EXEC sys.sp_cdc_disable_table {0}, @capture_instance = {1}; EXEC sys.sp_cdc_enable_table "
      "{0}, @capture_instance = {1}, @role_name = NULL, @captured_column_list = {2}",
      names, Quote(instance.name), Quote(list));
}

}  // namespace cdc::source::sql

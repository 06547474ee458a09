#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/source.h"

// Every SQL text that the program sends, in one file. Texts depend on names only, never on values:
// values are parameters of fixed types, so that the server reuses its plans.
namespace cdc::source::sql {

// [name], with ] doubled.
std::string Bracket(std::string_view name);
// N'text', with ' doubled.
std::string Quote(std::string_view text);
// For a person to paste.
std::string EnableCdc(std::string_view database);

// How a commit time, written in the server's local time, becomes UTC.
struct CommitTime {
  using Mode = CommitTimeMode;
  Mode mode = Mode::kOffsetNow;
  std::string zone;            // kNamedZone
  int32_t offset_minutes = 0;  // kOffsetNow
};

// SET TEXTSIZE for values of at most `max_value_bytes`: of longer ones the server sends only so
// much, for FreeTDS takes in a whole value before anybody can refuse it. More than a slot ever
// holds, so that no cut value can pass for a whole one. Of xml and CLR types the server cuts none.
int64_t TextSizeBytes(int64_t max_value_bytes);

// Once a connection. Reading is polite: we are the deadlock victim, and we do not wait long for
// locks.
std::string SessionSettings(int64_t lock_timeout_ms, int64_t max_value_bytes);

// One row: name, broker guid, is_cdc_enabled, server name, version, engine edition. No property
// that some version leaves NULL is needed (ProductMajorVersion is NULL before 2012 SP2 CU9).
extern const char kIdentify[];
// One row: family and recovery fork; none where the login may not see them. Azure SQL Database has
// no such view.
extern const char kRecoveryStatus[];

// One row: encrypt_option of this connection. Needs VIEW SERVER STATE (VIEW SERVER SECURITY STATE
// from SQL Server 2022 on).
extern const char kEncryptOption[];

// Four results: the two newest mapping rows; server time; the anchor's row; the mapping's range.
// Parameter: the anchor (binary(10)). The anchor's row is read before the range: a row that cleanup
// deletes in between then lies below the range.
extern const char kPoll[];
// The newest two rows of cdc.lsn_time_mapping, then cdc.change_tables with names.
extern const char kHorizonAndInstances[];
extern const char kInstances[];
// The newest two rows of cdc.lsn_time_mapping, then one row of cdc.change_tables. Parameter: the
// change table's object id.
extern const char kHorizonAndInstance[];
// The newest two rows of cdc.lsn_time_mapping, then server time.
extern const char kHorizonAndTime[];
// The newest start_lsn of cdc.lsn_time_mapping below an LSN, and the newest below the first commit
// at or after a time as well. Parameters: the time as the server writes its own (nvarchar), the
// LSN. The first such commit decides, not each one's time: where the clock goes back, later commits
// have lower times.
extern const char kCommitsBelow[];
// The newest start_lsn of cdc.lsn_time_mapping below the first one that may lie at or after a time.
// Parameters: [minus the offset in minutes (int) if kOffsetNow,] the time in UTC as text. Reads the
// mapping up to there: once for a new table.
std::string LastCommitBefore(const CommitTime& commit_time);

// Two results for a change table: captured columns with types; then row-identifying columns; then
// the columns of the clustered index. Parameter: the change table's object id, three times.
extern const char kDescribe[];
// The change table's object id and the name of each captured column.
extern const char kCapturedColumns[];

// One row per change table that has rows in (?, ?]: its index among `change_tables`.
// Two parameters (binary(10)) each.
std::string Probe(const std::vector<std::string>& change_tables);

// How many rows follow, counted to a limit. Parameters: the limit (bigint), after.
std::string CountRows(const std::string& change_table);

// Rows of whole transactions. Parameters: [minus the offset in minutes (int) if kOffsetNow,] after,
// through.
std::string ReadWindow(const TableDescription& table, const CommitTime& commit_time);
// The rest of one transaction after a row. Parameters: [minus the offset,] lsn, then for a row with
// a command id: id, id, seqval, seqval, operation; for one without: seqval, seqval, operation.
std::string ReadInside(const TableDescription& table, const CommitTime& commit_time,
                       bool row_has_command_id);

// What the server's own side of capture is doing. Texts apart from each other, because a login may
// lack the right for one of them. Times come as text in UTC. With kOffsetNow, minus the offset in
// minutes (int) is a parameter before all others, as often as `offsets` says.
struct TimedText {
  std::string text;
  int offsets = 0;
};

// Two results: server time; then log_reuse_wait_desc and updateability of the database.
extern const char kDatabaseHealth[];
// Three results: the newest row's time in UTC and, where its local time comes twice, the later
// moment that it may mean (else the same); the oldest row's time; when the oldest capture instance
// was made.
TimedText MappingEnds(const CommitTime& commit_time);
// The newest rows: tran_id and the time as the server writes it.
extern const char kNewestRows[];
// The time of the first commit after an LSN (parameter). A seek.
TimedText FirstCommitAfter(const CommitTime& commit_time);
// One row a job: type, continuous, polling interval in seconds, retention in minutes. Then, but for
// Azure, whether what was asked is seen to be a table: only then does no row mean that there is no
// job.
extern const char kJobs[];
extern const char kJobsOfAzure[];
// One row, if there is a capture job: enabled, started, stopped in the Agent's present life.
TimedText CaptureJobActivity(const CommitTime& commit_time);
extern const char kAgentService[];
// The newest scan of the log: started, ended (NULL: it runs), the later moment that its end may
// mean (as above), transactions, latency in seconds.
TimedText LastLogScan(const CommitTime& commit_time);
// The newest of the last 32 sessions' errors: time, number, text.
TimedText LastCaptureError(const CommitTime& commit_time);

}  // namespace cdc::source::sql

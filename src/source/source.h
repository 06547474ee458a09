#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/position.h"
#include "columns/column.h"
#include "odbc/connection.h"
#include "source/health.h"

namespace cdc::source {

// One row of cdc.captured_columns.
struct CapturedColumn {
  std::string name;
  std::string type;  // as the server calls it; not the base type of an alias type
  int32_t column_id = 0;
};
// The captured columns of all instances, by change_table_object_id.
using CapturedColumnMap = std::map<int64_t, std::vector<CapturedColumn>>;

// One row of cdc.change_tables with the names behind its ids.
struct CaptureInstance {
  int64_t change_table_object_id = 0;
  int64_t source_object_id = 0;
  std::string name;          // capture instance
  std::string schema;        // of the source table; "" when the login may not see it
  std::string table;         // of the source table; "" when the login may not see it
  std::string change_table;  // in schema cdc
  // The low end of what can be read (MIN): cleanup moves it before it deletes. Zero: the capture
  // process has not seen the instance yet.
  Lsn start_lsn;
  std::string create_date;

  std::string QualifiedName() const { return schema + "." + table; }
};

struct Horizon {
  Lsn lsn;  // the newest commit up to which change tables are known to be complete
  std::string tran_end_time;  // its commit time as the server writes it (local time)
};

// What one round begins with, from one batch on one connection.
struct PollInfo {
  std::optional<Horizon>
      horizon;  // nothing: nothing was captured yet, or cleanup emptied the mapping
  UtcTime server_utc;
  int32_t server_offset_minutes = 0;       // of the server's local time now
  std::optional<std::string> anchor_time;  // tran_end_time of the asked anchor, if its row is there
  std::optional<Lsn> mapping_min;  // range of cdc.lsn_time_mapping, read after the anchor's row
  std::optional<Lsn> mapping_max;
  std::vector<CaptureInstance> instances;
};

// Everything that reading one change table needs.
struct TableDescription {
  CaptureInstance instance;
  std::vector<columns::SourceColumn> columns;   // those that are delivered, in captured order
  std::vector<columns::SourceColumn> left_out;  // the other captured ones
  std::vector<std::string> key_columns;         // cdc.index_columns
  bool has_command_id = true;                   // absent on databases from before KB3030352
  columns::Options metadata;                    // how CDC's own columns are written
  std::map<std::string, std::string> options;   // columns::TableOutput::in_effect, for the footer

  std::string QualifiedName() const { return instance.schema + "." + instance.table; }
};

// Some change rows in commit order: the metadata columns, then the captured ones (docs/FORMAT.md,
// "Objects").
struct ChangeBatch {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RowKey> keys;  // of each row
  // By captured column: values in these rows that lost something (7th fractional digit, lone
  // surrogate).
  std::vector<int64_t> altered_values;
};

// How commit times, which the server writes in its local time, become UTC. In the hour that comes
// twice at the end of summer time a row of its second pass is read as one of the first.
enum class CommitTimeMode {
  kServerZone,  // AT TIME ZONE CURRENT_TIMEZONE_ID(): SQL Server 2022 and Azure know their own zone
  kNamedZone,   // AT TIME ZONE the configured name (2016 and later)
  kOffsetNow,   // the offset of now: an hour off for rows from before a change of summer time
};

struct DatabaseIdentity {
  std::string name;  // as the server spells it
  // service_broker_guid, or "". ALTER DATABASE … SET NEW_BROKER gives a database another one.
  std::string guid;
  std::string server_name;  // for people
  std::string version;      // for people
  std::string driver;       // for people
  bool cdc_enabled = false;
  odbc::ConnectionSecurity security = {};
  CommitTimeMode commit_time_mode = CommitTimeMode::kServerZone;
  // sys.database_recovery_status, or "" where the login or the server does not show it. The family
  // outlives restores; each recovery after a restore, and each failover, begins a new fork.
  std::string family_guid = {};
  std::string recovery_fork_guid = {};
};

// The changes of one table in a window, in commit order.
class ChangeReader {
 public:
  virtual ~ChangeReader() = default;

  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  // At least one and at most `max_rows` rows. Nothing: the window's end, and the result was
  // complete. Rows that came before an error are good: a prefix in commit order. Before an error
  // that is a value's fault (value_fault.h) all rows before that one have come.
  virtual arrow::Result<std::optional<ChangeBatch>> Next(int64_t max_rows) = 0;
  // The key of the row that Next would begin with; nothing at the window's end.
  virtual arrow::Result<std::optional<RowKey>> Peek() = 0;
  // Closes the statement, so that nobody's ALTER waits for us; the next Next opens it again behind
  // the last row that was handed out.
  virtual arrow::Status Pause() = 0;
};

// What the heart of the program needs of SQL Server. All on one connection, one call at a time; a
// lost connection is made anew by Identify, Poll and Join only, so that every verdict comes from a
// server that has seen the round's horizon.
class Source {
 public:
  virtual ~Source() = default;

  // Of the connection as it is now: after one was made anew, a database of another guid may stand
  // behind the name. Only one of another family is refused here.
  virtual arrow::Result<DatabaseIdentity> Identify() = 0;
  virtual arrow::Result<PollInfo> Poll(const std::optional<Lsn>& anchor) = 0;

  struct Probe {
    CaptureInstance instance;
    Lsn after;  // exclusive
  };
  // Whether each instance has rows in (after, through]. An error of one table is that entry's, not
  // the call's.
  virtual arrow::Result<std::vector<arrow::Result<bool>>> HaveRows(const std::vector<Probe>& probes,
                                                                   const Lsn& through) = 0;
  // How many rows follow, counted up to `limit`.
  virtual arrow::Result<int64_t> CountRows(const Probe& probe, int64_t limit) = 0;
  virtual arrow::Result<TableDescription> Describe(const CaptureInstance& instance) = 0;
  virtual arrow::Result<CapturedColumnMap> CapturedColumns() = 0;
  // Of each instance, called as settings are to take it, how its columns are delivered: their names
  // and ids, no types. Nothing is asked, and nothing is there, where no setting keeps any back.
  virtual arrow::Result<std::map<int64_t, TableDescription>> DescribeColumns(
      const std::vector<CaptureInstance>& instances) = 0;
  // Rows after `from`, up to and including `to`.
  virtual arrow::Result<std::unique_ptr<ChangeReader>> Read(const TableDescription& table,
                                                            const Position& from,
                                                            const Position& to) = 0;
  // cdc.change_tables again, on the same connection, after having seen a horizon at or above
  // `through` there: what a verdict (rows, empty, gap) needs before it counts.
  virtual arrow::Result<std::vector<CaptureInstance>> Recheck(const Lsn& through) = 0;
  // The same of one instance; nothing when it is gone.
  virtual arrow::Result<std::optional<CaptureInstance>> RecheckOne(const CaptureInstance& instance,
                                                                   const Lsn& through) = 0;
  // For a connection beside the one that polls: connects anew if need be, and makes sure that its
  // server has seen `through`; until then nothing that it says of that window counts. A replica
  // that lags is an error that goes away by itself.
  virtual arrow::Status Join(const Lsn& through) = 0;
  // The newest commit below the first one that may lie at or after `time`: local commit times do
  // not rise in the hour that comes twice. Nothing when no commit that the server remembers is
  // below.
  virtual arrow::Result<std::optional<Lsn>> LastCommitBefore(UtcTime time) = 0;
  // How the server's side of capture does, and what of `tables` is unread: a few small statements,
  // for once a minute or so. What the login may not see is no error but said in the answer.
  virtual arrow::Result<CaptureHealth> Health(const std::vector<TablePosition>& tables) = 0;
  // Whether the server says that this connection is encrypted; nothing when the login may not see
  // it.
  virtual arrow::Result<std::optional<bool>> IsEncrypted() { return std::nullopt; }
  // Whether the instance's low end is still where it was made: no commit that the server remembers
  // lies in between, so cleanup has taken nothing of it. False also where that cannot be told.
  virtual arrow::Result<bool> IsWhole(const CaptureInstance& instance) = 0;
  // Breaks off whatever runs; may come from another thread.
  virtual void Cancel() = 0;
};

}  // namespace cdc::source

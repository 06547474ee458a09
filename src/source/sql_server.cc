#include "source/sql_server.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/fault.h"
#include "base/utc_text.h"
#include "source/answers.h"
#include "source/change_reader.h"
#include "source/health_reader.h"
#include "source/server_version.h"
#include "source/sql.h"

namespace cdc::source {

namespace {

using arrow::Result;
using arrow::Status;
using odbc::SmallResult;

constexpr int64_t kInstancesMax = 20'000;  // rows of cdc.change_tables
constexpr int64_t kColumnsMax = 4'096;     // of one change table
constexpr int64_t kAllColumnsMax = 1'000'000;
constexpr size_t kProbesPerStatement = 50;

class SqlServer : public Source {
 public:
  explicit SqlServer(SqlServerOptions options) : options_(std::move(options)) {}

  // A connection that could not be prepared is not kept: it would lack its lock timeout, or be one
  // to another database.
  Status Connect() {
    ARROW_ASSIGN_OR_RAISE(auto fresh, odbc::Connection::Open(options_.connect));
    Exchange(std::move(fresh));
    Status prepared = Prepare();
    if (!prepared.ok()) Exchange(nullptr);
    return prepared;
  }

  Result<DatabaseIdentity> Identify() override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    return identity_;
  }

  Result<PollInfo> Poll(const std::optional<Lsn>& anchor) override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results,
                          Query(sql::kPoll, {anchor.value_or(Lsn{})}, kInstancesMax));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 5));
    PollInfo info;
    ARROW_ASSIGN_OR_RAISE(info.horizon, HorizonOf(results[0]));
    ARROW_ASSIGN_OR_RAISE(info.server_utc, TakeTime(results[1]));
    info.server_offset_minutes = server_offset_minutes_;
    if (anchor && !results[2].rows.empty()) info.anchor_time = results[2].rows[0][0].value_or("");
    if (results[3].rows.size() != 1)
      return Status::IOError("the server did not tell the mapping's range");
    ARROW_ASSIGN_OR_RAISE(info.mapping_min, OptionalLsn(results[3].rows[0][0]));
    ARROW_ASSIGN_OR_RAISE(info.mapping_max, OptionalLsn(results[3].rows[0][1]));
    ARROW_ASSIGN_OR_RAISE(info.instances, InstancesOf(results[4]));
    return info;
  }

  Result<std::vector<Result<bool>>> HaveRows(const std::vector<Probe>& probes,
                                             const Lsn& through) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    std::vector<Result<bool>> answers;
    for (size_t first = 0; first < probes.size(); first += kProbesPerStatement) {
      const size_t last = std::min(first + kProbesPerStatement, probes.size());
      ARROW_RETURN_NOT_OK(ProbeGroup({probes.begin() + static_cast<int64_t>(first),
                                      probes.begin() + static_cast<int64_t>(last)},
                                     through, &answers));
    }
    return answers;
  }

  Result<int64_t> CountRows(const Probe& probe, int64_t limit) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::CountRows(probe.instance.change_table),
                                                    {limit, probe.after}, 1));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 1));
    if (results[0].rows.size() != 1) return Status::IOError("the server did not count rows");
    return Int(results[0].rows[0][0], "a number of rows");
  }

  Result<TableDescription> Describe(const CaptureInstance& instance) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    const auto id = static_cast<int32_t>(instance.change_table_object_id);
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kDescribe, {id, id, id}, kColumnsMax));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 3));
    TableDescription table;
    table.instance = instance;
    for (const Row& row : results[0].rows) {
      columns::SourceColumn column;
      column.name = row[0].value_or("");
      ARROW_ASSIGN_OR_RAISE(column.column_id, Int32(row[1], "captured_columns.column_id"));
      ARROW_ASSIGN_OR_RAISE(column.ordinal, Int32(row[2], "captured_columns.column_ordinal"));
      ARROW_ASSIGN_OR_RAISE(const int32_t computed, Int32(row[3], "captured_columns.is_computed"));
      column.is_computed = computed != 0;
      column.type_name = row[4].value_or("unknown");
      ARROW_ASSIGN_OR_RAISE(column.max_length_bytes, Int32(row[5], "columns.max_length"));
      ARROW_ASSIGN_OR_RAISE(column.precision, Int32(row[6], "columns.precision"));
      ARROW_ASSIGN_OR_RAISE(column.scale, Int32(row[7], "columns.scale"));
      column.collation = row[8].value_or("");
      ARROW_ASSIGN_OR_RAISE(const int32_t clr, Int32(row[9], "types.is_assembly_type"));
      column.is_clr = clr != 0;
      table.columns.push_back(std::move(column));
    }
    if (table.columns.empty()) {
      return Status::IOError("the server shows no captured columns of cdc.", instance.change_table,
                             "; it was dropped, or the login may lack the right to see them: GRANT "
                             "VIEW DEFINITION TO ",
                             sql::Bracket(options_.connect.user));
    }
    ARROW_ASSIGN_OR_RAISE(auto output, columns::OutputOf(options_.output, instance.schema,
                                                         instance.table, std::move(table.columns)));
    table.columns = std::move(output.columns);
    table.left_out = std::move(output.left_out);
    table.metadata = std::move(output.metadata);
    table.options = std::move(output.in_effect);
    for (const Row& row : results[1].rows) table.key_columns.push_back(row[0].value_or(""));
    table.has_command_id = !results[2].rows.empty();
    return table;
  }

  Result<CapturedColumnMap> CapturedColumns() override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kCapturedColumns, {}, kAllColumnsMax));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 1));
    return CapturedColumnsOf(results[0]);
  }

  Result<std::map<int64_t, TableDescription>> DescribeColumns(
      const std::vector<CaptureInstance>& instances) override {
    std::map<int64_t, TableDescription> described;
    if (!columns::KeepsAnythingBack(options_.output)) return described;
    ARROW_ASSIGN_OR_RAISE(const CapturedColumnMap captured, CapturedColumns());
    for (const CaptureInstance& instance : instances) {
      const auto found = captured.find(instance.change_table_object_id);
      if (found == captured.end()) continue;
      std::vector<columns::SourceColumn> columns;
      for (const CapturedColumn& one : found->second) {
        columns::SourceColumn& column = columns.emplace_back();
        column.name = one.name;
        column.type_name = one.type;
        column.column_id = one.column_id;
      }
      // What is wrong with the settings of a table is told where it is read.
      auto output =
          columns::OutputOf(options_.output, instance.schema, instance.table, std::move(columns));
      if (!output.ok()) continue;
      TableDescription& table = described[instance.change_table_object_id];
      table.instance = instance;
      table.columns = std::move(output->columns);
      table.left_out = std::move(output->left_out);
    }
    return described;
  }

  Result<std::unique_ptr<ChangeReader>> Read(const TableDescription& table, const Position& from,
                                             const Position& to) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    ReadLimits limits;
    limits.max_value_bytes = options_.max_value_bytes;
    limits.block_bytes = options_.block_bytes;
    limits.large_row_bytes = options_.large_row_bytes;
    limits.large_rows = options_.large_rows;
    return OpenChangeReader(*connection_, table, commit_time_, from, to, limits);
  }

  Result<std::vector<CaptureInstance>> Recheck(const Lsn& through) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kHorizonAndInstances, {}, kInstancesMax));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 2));
    ARROW_RETURN_NOT_OK(HasSeen(results[0], through));
    return InstancesOf(results[1]);
  }

  Result<std::optional<CaptureInstance>> RecheckOne(const CaptureInstance& instance,
                                                    const Lsn& through) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    const auto id = static_cast<int32_t>(instance.change_table_object_id);
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kHorizonAndInstance, {id}, 2));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 2));
    ARROW_RETURN_NOT_OK(HasSeen(results[0], through));
    ARROW_ASSIGN_OR_RAISE(auto instances, InstancesOf(results[1]));
    if (instances.empty()) return std::nullopt;
    return std::move(instances.front());
  }

  Status Join(const Lsn& through) override {
    ARROW_RETURN_NOT_OK(EnsureConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kHorizonAndTime, {}, 2));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 2));
    ARROW_ASSIGN_OR_RAISE(const auto horizon, HorizonOf(results[0]));
    if (!horizon || horizon->lsn < through) {
      return TransientFault(
          fmt::format("this connection's server knows changes up to {} only, another one to {}: a "
                      "replica that lags; reading again",
                      horizon ? horizon->lsn.ToString() : "none", through.ToString()));
    }
    ARROW_RETURN_NOT_OK(TakeTime(results[1]).status());
    return Status::OK();
  }

  Result<std::optional<Lsn>> LastCommitBefore(UtcTime time) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    std::vector<odbc::Parameter> parameters;
    if (commit_time_.mode == sql::CommitTime::Mode::kOffsetNow) {
      parameters.emplace_back(-commit_time_.offset_minutes);
    }
    parameters.emplace_back(
        fmt::format("{:%Y-%m-%d %H:%M:}{:06.3f}", time,
                    static_cast<double>(time.time_since_epoch().count() % 60'000'000) / 1e6));
    ARROW_ASSIGN_OR_RAISE(const auto results,
                          Query(sql::LastCommitBefore(commit_time_), parameters, 1));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 1));
    if (results[0].rows.empty()) return std::nullopt;
    return OptionalLsn(results[0].rows[0][0]);
  }

  Result<CaptureHealth> Health(const std::vector<TablePosition>& tables) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    return health_->Read(*connection_, commit_time_, tables);
  }

  Result<std::optional<bool>> IsEncrypted() override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    const auto results = connection_->Query(sql::kEncryptOption, {}, 1);
    if (!results.ok()) {
      if (IsDenied(results.status())) return std::nullopt;
      return results.status();
    }
    ARROW_RETURN_NOT_OK(ExpectResults(*results, 1));
    const auto& rows = results->front().rows;
    if (rows.empty() || !rows[0][0]) return std::nullopt;
    return *rows[0][0] == "TRUE";
  }

  Result<bool> IsWhole(const CaptureInstance& instance) override {
    ARROW_RETURN_NOT_OK(MustBeConnected());
    ARROW_ASSIGN_OR_RAISE(const auto results,
                          Query(sql::kCommitsBelow, {instance.create_date, instance.start_lsn}, 1));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 1));
    if (results[0].rows.size() != 1) return false;
    const Row& row = results[0].rows[0];
    return row[0].has_value() && row[0] == row[1];
  }

  void Cancel() override {
    const std::lock_guard lock(connection_mutex_);
    if (connection_) connection_->Cancel();
  }

 private:
  // The only place that connects anew: at the beginning of a round.
  Status EnsureConnected() {
    return connection_ && !connection_->broken() ? Status::OK() : Connect();
  }

  // The server's UTC time; its offset is remembered for commit times.
  Result<UtcTime> TakeTime(const SmallResult& result) {
    if (result.rows.size() != 1) return Status::IOError("the server did not tell its time");
    const Row& times = result.rows[0];
    ARROW_ASSIGN_OR_RAISE(const UtcTime now, ParseUtc(times[0].value_or("") + "Z"));
    ARROW_ASSIGN_OR_RAISE(server_offset_minutes_, Int32(times[1], "the server's UTC offset"));
    if (commit_time_.mode == sql::CommitTime::Mode::kOffsetNow) {
      commit_time_.offset_minutes = server_offset_minutes_;
    }
    return now;
  }

  void Exchange(std::unique_ptr<odbc::Connection> connection) {
    const std::lock_guard lock(connection_mutex_);
    connection_.swap(connection);
  }

  Status Prepare() {
    ARROW_RETURN_NOT_OK(
        Query(sql::SessionSettings(options_.lock_timeout.count(), options_.max_value_bytes), {}, 1)
            .status());
    ARROW_ASSIGN_OR_RAISE(DatabaseIdentity identity, ReadIdentity());
    const std::string& before = identity_.family_guid;
    if (!before.empty() && !identity.family_guid.empty() && identity.family_guid != before) {
      return Status::IOError(fmt::format(
          "database {} on {} is another one than this program began with (family_guid {} instead "
          "of {}): it was replaced, or its name leads to another server now. Nothing is read from "
          "it. Bring the right database back, or stop the program and give this one another "
          "[target] url",
          identity.name, identity.server_name, identity.family_guid, before));
    }
    identity_ = std::move(identity);
    return Status::OK();
  }

  // Cleanup may empty the mapping between two statements; it never sets the newest row back.
  Status HasSeen(const SmallResult& newest_two, const Lsn& through) const {
    ARROW_ASSIGN_OR_RAISE(const auto horizon, HorizonOf(newest_two));
    if (!horizon || horizon->lsn >= through) return Status::OK();
    return TransientFault(
        fmt::format("the server's horizon went back from {} to {} within one round; reading again",
                    through.ToString(), horizon->lsn.ToString()));
  }

  // A broken connection refuses the next statement by itself, with the class of error that ends the
  // round and not one table.
  Status MustBeConnected() const {
    if (connection_) return Status::OK();
    return Status::IOError("there is no connection to the server; a round begins with a poll");
  }

  Result<std::vector<SmallResult>> Query(const std::string& text,
                                         const std::vector<odbc::Parameter>& parameters,
                                         int64_t max_rows) {
    auto results = connection_->Query(text, parameters, max_rows);
    if (!results.ok())
      return WithRemedy(results.status(), options_.connect.user, options_.connect.database);
    return results;
  }

  Result<DatabaseIdentity> ReadIdentity() {
    ARROW_ASSIGN_OR_RAISE(const auto results, Query(sql::kIdentify, {}, 1));
    ARROW_RETURN_NOT_OK(ExpectResults(results, 1));
    if (results[0].rows.size() != 1)
      return Status::IOError("sys.databases does not show this database");
    const Row& row = results[0].rows[0];
    DatabaseIdentity identity;
    identity.name = row[0].value_or(options_.connect.database);
    identity.guid = row[1].value_or("");
    ARROW_ASSIGN_OR_RAISE(const int64_t enabled, Int(row[2], "is_cdc_enabled"));
    identity.cdc_enabled = enabled != 0;
    identity.server_name = row[3].value_or("");
    identity.version = row[4].value_or("");
    identity.driver = connection_->driver_description();
    identity.security = connection_->security();
    const ServerVersion version = VersionOf(row[4], row[5]);
    ARROW_RETURN_NOT_OK(ReadRecoveryStatus(version, &identity));
    ARROW_ASSIGN_OR_RAISE(commit_time_, CommitTimeOf(version, options_.time_zone));
    identity.commit_time_mode = commit_time_.mode;
    health_.emplace(HealthReader::Server{identity.name, options_.connect.user, version});
    return identity;
  }

  // Further witnesses of the database's identity, which not everybody may see: a refusal leaves
  // them empty.
  Status ReadRecoveryStatus(const ServerVersion& version, DatabaseIdentity* identity) {
    if (version.IsAzureSqlDatabase()) return Status::OK();
    const auto results = connection_->Query(sql::kRecoveryStatus, {}, 1);
    if (!results.ok()) {
      const bool refused = FaultOf(results.status()).retry == Retry::kWhenSomebodyActs;
      return refused ? Status::OK() : results.status();
    }
    ARROW_RETURN_NOT_OK(ExpectResults(*results, 1));
    for (const Row& row : results->front().rows) {
      identity->family_guid = row[0].value_or("");
      identity->recovery_fork_guid = row[1].value_or("");
    }
    return Status::OK();
  }

  // One statement for the group; when it fails for a reason of one table (permission, lock timeout,
  // a table that is gone), the group is split until that table stands alone.
  Status ProbeGroup(const std::vector<Probe>& group, const Lsn& through,
                    std::vector<Result<bool>>* answers) {
    std::vector<std::string> names;
    std::vector<odbc::Parameter> parameters;
    for (const Probe& probe : group) {
      names.push_back(probe.instance.change_table);
      parameters.emplace_back(probe.after);
      parameters.emplace_back(through);
    }
    auto results = Query(sql::Probe(names), parameters, static_cast<int64_t>(group.size()));
    if (!results.ok()) {
      if (FaultOf(results.status()).retry == Retry::kAfterReconnect) return results.status();
      if (group.size() == 1) {
        answers->emplace_back(results.status());
        return Status::OK();
      }
      const auto middle = group.begin() + static_cast<int64_t>(group.size() / 2);
      ARROW_RETURN_NOT_OK(ProbeGroup({group.begin(), middle}, through, answers));
      return ProbeGroup({middle, group.end()}, through, answers);
    }
    ARROW_RETURN_NOT_OK(ExpectResults(*results, 1));
    std::vector<bool> found(group.size(), false);
    for (const Row& row : (*results)[0].rows) {
      ARROW_ASSIGN_OR_RAISE(const int64_t index, Int(row[0], "a probe's index"));
      if (index < 0 || index >= static_cast<int64_t>(group.size())) {
        return Status::IOError("the server answered a probe that was not asked");
      }
      found[static_cast<size_t>(index)] = true;
    }
    for (const bool has_rows : found) answers->emplace_back(has_rows);
    return Status::OK();
  }

  SqlServerOptions options_;
  std::mutex connection_mutex_;  // guards the pointer against Cancel, not the connection's use
  std::unique_ptr<odbc::Connection> connection_;
  DatabaseIdentity identity_;
  sql::CommitTime commit_time_;
  std::optional<HealthReader> health_;  // of this connection's server and login
  int32_t server_offset_minutes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Source>> ConnectSqlServer(const SqlServerOptions& options) {
  auto server = std::make_unique<SqlServer>(options);
  ARROW_RETURN_NOT_OK(server->Connect());
  return server;
}

}  // namespace cdc::source

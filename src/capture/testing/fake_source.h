#pragma once

#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "capture/testing/fake_database.h"
#include "odbc/connection.h"
#include "source/source.h"
#include "source/value_fault.h"

// A Source over a FakeDatabase.
namespace cdc::capture::testing {

class FakeSource : public source::Source {
 public:
  // Before every call; may throw (a crash), or return an error.
  using Hook = std::function<arrow::Status(const std::string& call)>;

  explicit FakeSource(FakeDatabase& database) : database_(database) {}

  Hook hook;
  int64_t lag_commits = 0;           // a replica that does not show the newest ones
  const FakeSource* like = nullptr;  // lags as this one does
  std::map<std::string, arrow::Status> table_errors;

  arrow::Result<source::DatabaseIdentity> Identify() override {
    ARROW_RETURN_NOT_OK(Pass("identify"));
    source::DatabaseIdentity identity;
    identity.name = "Shop";
    identity.guid = database_.guid;
    identity.family_guid = database_.family_guid;
    identity.recovery_fork_guid = database_.recovery_fork_guid;
    identity.server_name = "fake";
    identity.cdc_enabled = true;
    return identity;
  }

  arrow::Result<source::PollInfo> Poll(const std::optional<Lsn>& anchor) override {
    ARROW_RETURN_NOT_OK(Pass("poll"));
    source::PollInfo info;
    const auto shown = Shown();
    if (!shown.empty()) {
      info.horizon = source::Horizon{MakeLsn(shown.back()), TimeOf(shown.back()) + database_.fork};
      info.mapping_min = MakeLsn(shown.front());
      info.mapping_max = MakeLsn(shown.back());
      info.server_utc = UtcTime(std::chrono::seconds(shown.back()));
    }
    for (const int64_t number : shown) {
      if (anchor && MakeLsn(number) == *anchor) info.anchor_time = TimeOf(number) + database_.fork;
    }
    info.instances = Instances();
    return info;
  }

  arrow::Result<std::vector<arrow::Result<bool>>> HaveRows(const std::vector<Probe>& probes,
                                                           const Lsn& through) override {
    ARROW_RETURN_NOT_OK(Pass("probe"));
    std::vector<arrow::Result<bool>> answers;
    for (const Probe& probe : probes) {
      const auto& table = Find(probe.instance);
      if (const auto error = table_errors.find(table.instance.schema + "." + table.instance.table);
          error != table_errors.end()) {
        answers.emplace_back(error->second);
        continue;
      }
      answers.emplace_back(
          std::any_of(table.rows.begin(), table.rows.end(), [&](const RowKey& row) {
            return row.start_lsn > probe.after && row.start_lsn <= through;
          }));
    }
    return answers;
  }

  arrow::Result<int64_t> CountRows(const Probe& probe, int64_t limit) override {
    ARROW_RETURN_NOT_OK(Pass("count"));
    const auto& rows = Find(probe.instance).rows;
    return std::min<int64_t>(limit, std::count_if(rows.begin(), rows.end(), [&](const RowKey& row) {
                               return row.start_lsn > probe.after;
                             }));
  }

  arrow::Result<source::TableDescription> Describe(
      const source::CaptureInstance& instance) override {
    ARROW_RETURN_NOT_OK(Pass("describe"));
    source::TableDescription table;
    table.instance = instance;
    std::vector<columns::SourceColumn> captured = Find(instance).columns;
    if (captured.empty()) {
      return arrow::Status::IOError("the server shows no captured columns of ", instance.name);
    }
    for (size_t i = 0; i < captured.size(); ++i) captured[i].ordinal = static_cast<int32_t>(i + 1);
    table.key_columns = {captured.front().name};
    ARROW_ASSIGN_OR_RAISE(auto output, columns::OutputOf(database_.output, instance.schema,
                                                         instance.table, std::move(captured)));
    table.columns = std::move(output.columns);
    table.left_out = std::move(output.left_out);
    table.options = std::move(output.in_effect);
    for (const auto& [name, word] : Find(instance).options) table.options[name] = word;
    return table;
  }

  arrow::Result<std::map<int64_t, source::TableDescription>> DescribeColumns(
      const std::vector<source::CaptureInstance>& instances) override {
    std::map<int64_t, source::TableDescription> described;
    if (!columns::KeepsAnythingBack(database_.output)) return described;
    for (const source::CaptureInstance& instance : instances) {
      if (Find(instance).columns.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(described[instance.change_table_object_id], Describe(instance));
    }
    return described;
  }

  arrow::Result<source::CapturedColumnMap> CapturedColumns() override {
    return source::CapturedColumnMap();
  }

  arrow::Result<std::unique_ptr<source::ChangeReader>> Read(const source::TableDescription& table,
                                                            const Position& from,
                                                            const Position& to) override {
    ARROW_RETURN_NOT_OK(Pass("read"));
    return std::make_unique<Reader>(*this, table, from, to);
  }

  arrow::Status Join(const Lsn& through) override {
    ARROW_RETURN_NOT_OK(Pass("join"));
    const auto shown = Shown();
    if (shown.empty() || MakeLsn(shown.back()) < through)
      return TransientFault("a replica that lags");
    return arrow::Status::OK();
  }

  // Commits are a second apart, the first one at 1970-01-01 00:00 and their number in seconds.
  arrow::Result<std::optional<Lsn>> LastCommitBefore(UtcTime time) override {
    ARROW_RETURN_NOT_OK(Pass("last_commit_before"));
    std::optional<Lsn> last;
    for (const int64_t number : database_.mapping) {
      if (UtcTime(std::chrono::seconds(number)) < time) last = MakeLsn(number);
    }
    return last;
  }

  arrow::Result<bool> IsWhole(const source::CaptureInstance& instance) override {
    ARROW_RETURN_NOT_OK(Pass("is_whole"));
    return Find(instance).made_at == instance.start_lsn;
  }

  arrow::Result<std::vector<source::CaptureInstance>> Recheck(const Lsn& through) override {
    ARROW_RETURN_NOT_OK(Pass("recheck"));
    const auto shown = Shown();
    if (!shown.empty() && MakeLsn(shown.back()) < through)
      return TransientFault("horizon went back");
    return Instances();
  }

  // Commits are a second apart, as in LastCommitBefore; `health` is what else there is to say.
  arrow::Result<source::CaptureHealth> Health(
      const std::vector<source::TablePosition>& tables) override {
    ARROW_RETURN_NOT_OK(Pass("health"));
    source::CaptureHealth measured = health;
    for (const source::TablePosition& table : tables) {
      const auto& mapping = database_.mapping;
      const auto first = std::ranges::find_if(
          mapping, [&](int64_t number) { return MakeLsn(number) > table.after; });
      if (first == mapping.end()) continue;
      measured.unread.push_back({{table.table}, UtcTime(std::chrono::seconds(*first))});
    }
    return measured;
  }

  source::CaptureHealth health;

  arrow::Result<std::optional<source::CaptureInstance>> RecheckOne(
      const source::CaptureInstance& instance, const Lsn& through) override {
    ARROW_ASSIGN_OR_RAISE(const auto instances, Recheck(through));
    for (const auto& found : instances) {
      if (found.change_table_object_id == instance.change_table_object_id) return found;
    }
    return std::nullopt;
  }

  void Cancel() override {}

 private:
  class Reader : public source::ChangeReader {
   public:
    Reader(FakeSource& source, const source::TableDescription& table, const Position& from,
           const Position& to)
        : source_(source),
          instance_(table.instance),
          columns_(table.columns),
          value_type_(source.Find(table.instance).value_type),
          resume_(from),
          to_(to) {
      arrow::FieldVector fields = {
          arrow::field("__$start_lsn", arrow::utf8(), false),
          arrow::field("__$command_id", arrow::int32()),
          arrow::field("__$seqval", arrow::utf8(), false),
          arrow::field("__$operation", arrow::int32(), false),
      };
      for (const columns::SourceColumn& column : columns_) {
        const bool token = column.options.Is("mask", "hash");
        fields.push_back(arrow::field(column.name, token ? arrow::utf8() : value_type_));
      }
      schema_ = arrow::schema(fields);
    }

    const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

    arrow::Result<std::optional<source::ChangeBatch>> Next(int64_t max_rows) override {
      ARROW_RETURN_NOT_OK(source_.Pass("next"));
      source::ChangeBatch batch;
      for (const RowKey& row : source_.Find(instance_).rows) {
        if (resume_.Covers(row) || !to_.Covers(row)) continue;
        if (static_cast<int64_t>(batch.keys.size()) == std::min<int64_t>(max_rows, 3)) break;
        if (source_.database_.faulty.contains(row)) {
          if (batch.keys.empty()) return Fault(row);
          break;
        }
        batch.keys.push_back(row);
      }
      if (batch.keys.empty()) return std::nullopt;
      resume_ = Position::AfterRow(batch.keys.back());
      ARROW_ASSIGN_OR_RAISE(batch.rows, MakeRows(batch.keys));
      batch.altered_values.resize(columns_.size());
      batch.altered_values.front() = std::ranges::count_if(
          batch.keys, [&](const RowKey& key) { return source_.database_.altered.contains(key); });
      return batch;
    }

    arrow::Result<std::optional<RowKey>> Peek() override {
      for (const RowKey& row : source_.Find(instance_).rows) {
        if (resume_.Covers(row) || !to_.Covers(row)) continue;
        // As a value above the limit: it is met before the row's key can be handed out.
        if (source_.database_.faulty.contains(row)) return Fault(row);
        return row;
      }
      return std::nullopt;
    }

    arrow::Status Pause() override { return arrow::Status::OK(); }

   private:
    arrow::Status Fault(const RowKey& row) const {
      return source::ValueFault(
          row, arrow::Status::Invalid("read ", instance_.QualifiedName(), " at LSN ",
                                      row.start_lsn.ToString(), ": column v: too much"));
    }

    arrow::Result<std::shared_ptr<arrow::Array>> Values(const columns::SourceColumn& column,
                                                        int64_t rows) const {
      if (column.options.Is("mask", "null")) return arrow::MakeArrayOfNull(value_type_, rows);
      if (column.options.Is("mask", "hash")) {
        return arrow::MakeArrayFromScalar(arrow::StringScalar("token"), rows);
      }
      const int64_t clear = ClearValue(instance_.source_object_id, column.column_id);
      ARROW_ASSIGN_OR_RAISE(const auto value, arrow::Int64Scalar(clear).CastTo(value_type_));
      return arrow::MakeArrayFromScalar(*value, rows);
    }

    arrow::Result<std::shared_ptr<arrow::RecordBatch>> MakeRows(
        const std::vector<RowKey>& keys) const {
      arrow::StringBuilder start, seqval;
      arrow::Int32Builder command, operation;
      for (const RowKey& key : keys) {
        ARROW_RETURN_NOT_OK(start.Append(key.start_lsn.ToString()));
        ARROW_RETURN_NOT_OK(seqval.Append(key.seqval.ToString()));
        ARROW_RETURN_NOT_OK(command.Append(*key.command_id));
        ARROW_RETURN_NOT_OK(operation.Append(key.operation));
      }
      arrow::ArrayVector arrays(4);
      ARROW_RETURN_NOT_OK(start.Finish(&arrays[0]));
      ARROW_RETURN_NOT_OK(command.Finish(&arrays[1]));
      ARROW_RETURN_NOT_OK(seqval.Finish(&arrays[2]));
      ARROW_RETURN_NOT_OK(operation.Finish(&arrays[3]));
      for (const columns::SourceColumn& column : columns_) {
        ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), Values(column, std::ssize(keys)));
      }
      return arrow::RecordBatch::Make(schema_, static_cast<int64_t>(keys.size()),
                                      std::move(arrays));
    }

    FakeSource& source_;
    const source::CaptureInstance instance_;
    const std::vector<columns::SourceColumn> columns_;
    const std::shared_ptr<arrow::DataType> value_type_;
    Position resume_;
    const Position to_;
    std::shared_ptr<arrow::Schema> schema_;
  };

  arrow::Status Pass(const char* call) { return hook ? hook(call) : arrow::Status::OK(); }

  std::vector<int64_t> Shown() const {
    auto shown = database_.mapping;
    const int64_t lag = like != nullptr ? like->lag_commits : lag_commits;
    shown.resize(shown.size() - std::min<size_t>(shown.size(), static_cast<size_t>(lag)));
    return shown;
  }

  std::vector<source::CaptureInstance> Instances() const {
    std::vector<source::CaptureInstance> instances;
    for (const auto& [name, table] : database_.tables) {
      instances.push_back(table.instance);
      if (!database_.hidden.contains(table.instance.source_object_id)) continue;
      instances.back().schema.clear();
      instances.back().table.clear();
    }
    return instances;
  }

  const FakeDatabase::Table& Find(const source::CaptureInstance& instance) const {
    for (const auto& [name, table] : database_.tables) {
      if (table.instance.change_table_object_id == instance.change_table_object_id) return table;
    }
    return dropped_;
  }

  FakeDatabase& database_;
  // Has no columns, as the server shows none of an instance that is gone.
  const FakeDatabase::Table dropped_ = [] {
    FakeDatabase::Table none;
    none.columns.clear();
    return none;
  }();
};

}  // namespace cdc::capture::testing

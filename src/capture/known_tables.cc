#include "capture/known_tables.h"

#include <algorithm>

#include "base/events.h"
#include "base/fault.h"
#include "base/utc_text.h"
#include "store/store.h"

namespace cdc::capture {

namespace {

using arrow::Status;

// A table that somebody must look at is tried again after growing pauses: whoever mends it sees it
// go on soon, and a server is not asked every second for what it refuses.
constexpr std::chrono::seconds kFirstRetryPause{2};
constexpr std::chrono::seconds kRetryPauseMax{120};

}  // namespace

bool KnownTables::IsResting(const std::string& name) const {
  const auto found = tables_.find(name);
  return found != tables_.end() && found->second.trouble != Trouble::kNone &&
         clock_.MonotonicNow() < found->second.retry_at;
}

bool KnownTables::EndsEverything(const Status& why) const {
  return FaultOf(why).reach >= Reach::kEverything || stop_;
}

Status KnownTables::StopTable(const std::string& name, const Status& why) {
  if (EndsEverything(why)) return why;
  // A lost connection is the round's trouble: no further verdict of this round would count.
  if (FaultOf(why).retry == Retry::kAfterReconnect) return why;
  Record(name, why);
  return Status::OK();
}

Status KnownTables::WorkerTrouble(const std::string& name, const Status& why) {
  if (EndsEverything(why)) return why;
  Record(name, why);
  return Status::OK();
}

void KnownTables::Record(const std::string& name, const Status& why) {
  TableRuntime& table = tables_[name];
  const bool transient = FaultOf(why).retry != Retry::kWhenSomebodyActs;
  table.trouble = transient ? Trouble::kRetrying : Trouble::kStopped;
  table.retry_at = clock_.MonotonicNow();
  // A store that hangs on one table's object and serves the others costs its round a whole deadline
  // each time: at once a first time, and then after growing pauses.
  const bool store_fails = transient && store::KindOf(why) == store::ErrorKind::kTransient;
  const bool at_once = transient && (!store_fails || table.retries == 0);
  if (!at_once) {
    const int doublings = std::min(table.retries - (store_fails ? 1 : 0), 10);
    table.retry_at += std::min<std::chrono::seconds>(kFirstRetryPause * (int64_t{1} << doublings),
                                                     kRetryPauseMax);
  }
  if (!transient || store_fails) ++table.retries;
  const bool known = table.why == why.message();
  table.why = why.message();
  Publish(name, transient ? progress::Condition::kRetrying : progress::Condition::kStopped);
  // From here on its rows are missed by somebody: they never go silently.
  if (!transient) table.fresh_start = false;
  if (known) return;
  LogEvent(transient ? Level::kWarn : Level::kError, transient ? "table_retry" : "table_stopped",
           {{"table", name}, {"why", why.message()}});
  if (transient) return;
  const auto entry = held_.document().tables.find(name);
  if (entry != held_.document().tables.end() && entry->second.stopped != why.message()) {
    held_.Note(state::StopTable{name, why.message(), FormatUtc(clock_.UtcNow())});
  }
}

void KnownTables::Delivered(const std::string& name, const std::string& key,
                            const ObjectFacts& object) {
  TableRuntime& table = tables_[name];
  table.rows += object.rows;
  ++table.objects;
  progress::TableFacts& progress = table.progress;
  progress.rows += object.rows;
  ++progress.objects;
  progress.bytes += object.bytes;
  progress.last_object_at = clock_.UtcNow();
  if (object.last_commit) progress.last_commit = object.last_commit;
  for (const auto& [column, count] : object.altered_values) {
    int64_t& total = progress.altered_values[column];
    if (total == 0) {
      const columns::Alteration& altered = object.altered.at(column);
      progress.altered_how[column] = altered.lost + "; what keeps it: " + altered.keeps;
      LogEvent(Level::kWarn, "values_altered",
               {{"table", name},
                {"column", column},
                {"values", count},
                {"key", key},
                {"lost", altered.lost},
                {"keeps", altered.keeps}});
    }
    total += count;
  }
}

void KnownTables::Publish(const std::string& name, progress::Condition condition) {
  TableRuntime& table = tables_[name];
  progress::TableFacts& now = table.progress;
  now.name = name;
  now.condition = condition;
  now.why = table.why;
  if (const auto found = held_.document().tables.find(name);
      found != held_.document().tables.end()) {
    now.in_cut = found->second.in_cut;
    now.last_key = found->second.claim ? found->second.claim->key : "";
    now.gaps = std::ssize(found->second.gaps);
    now.name_today = found->second.name_today;
  }
  if (now == table.published) return;
  table.published = now;
  observer_.OnTable(now);
}

void KnownTables::ResumeTable(const std::string& name) {
  TableRuntime& table = tables_[name];
  const auto found = held_.document().tables.find(name);
  const bool recorded = found != held_.document().tables.end() && !found->second.stopped.empty();
  if (table.trouble == Trouble::kNone && !recorded) return;
  LogEvent(Level::kInfo, "table_resumed", {{"table", name}});
  table.trouble = Trouble::kNone;
  table.why.clear();
  table.retries = 0;
  if (recorded) held_.Note(state::ResumeTable{name});
}

}  // namespace cdc::capture

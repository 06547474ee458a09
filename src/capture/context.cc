#include "capture/context.h"

#include <algorithm>

#include "base/events.h"
#include "base/utc_text.h"
#include "odbc/connection.h"

namespace cdc::capture {

namespace {

using arrow::Status;

// A table that somebody must look at is tried again after growing pauses: whoever mends it sees it
// go on soon, and a server is not asked every second for what it refuses.
constexpr std::chrono::seconds kFirstRetryPause{2};
constexpr std::chrono::seconds kRetryPauseMax{120};
constexpr std::chrono::milliseconds kLeaseLook{200};

class Scope : public arrow::StatusDetail {
 public:
  explicit Scope(const char* id) : id_(id) {}
  const char* type_id() const override { return id_; }
  std::string ToString() const override { return id_; }

 private:
  const char* id_;
};

constexpr char kEverything[] = "cdc::capture::stops_everything";
constexpr char kTable[] = "cdc::capture::stops_table";

bool Is(const Status& status, const char* id) {
  return status.detail() != nullptr && status.detail()->type_id() == std::string_view(id);
}

bool IsTransient(const Status& status) {
  if (Is(status, kTable)) return false;
  if (store::KindOf(status) == store::ErrorKind::kTransient) return true;
  return odbc::ClassOf(status) != odbc::ErrorClass::kPermanent;
}

}  // namespace

Status StopsEverything(const std::string& message) {
  return Status::FromDetailAndArgs(arrow::StatusCode::Invalid, std::make_shared<Scope>(kEverything),
                                   message);
}

bool IsStopsEverything(const Status& status) { return Is(status, kEverything); }

Status StopsTable(const std::string& message) {
  return Status::FromDetailAndArgs(arrow::StatusCode::Invalid, std::make_shared<Scope>(kTable),
                                   message);
}

std::shared_ptr<const Tools> Tools::Of(const Context& context) {
  return std::make_shared<const Tools>(Tools{
      context.options, context.with.sources, context.with.data, context.with.clock,
      context.document().database_guid, [abandoned = context.abandoned, &stop = context.with.stop] {
        return stop.load() || abandoned->load();
      }});
}

bool Context::IsResting(const std::string& name) const {
  const auto found = runtime.find(name);
  return found != runtime.end() && !found->second.trouble.empty() &&
         with.clock.MonotonicNow() < found->second.retry_at;
}

Status Context::Swap(const std::function<void(state::Document&)>& change) {
  ARROW_RETURN_NOT_OK(owned.Swap([&](state::Document& document) {
    for (const auto& rider : pending) rider(document);
    change(document);
  }));
  pending.clear();
  ++swaps;
  return Status::OK();
}

Status Context::KeepLease() {
  return owned.needs_renewal() ? Swap([](state::Document&) {}) : Status::OK();
}

Status Context::Gather() {
  while (with.executor.under_way() > 0) {
    const auto then = with.executor.Wait(kLeaseLook);
    Status done = then ? (*then)() : Status::OK();
    if (done.ok()) done = KeepLease();
    if (!done.ok()) {
      Abandon();
      return done;
    }
  }
  return with.stop ? Status::Cancelled("stopped") : Status::OK();
}

void Context::Abandon() {
  *abandoned = true;
  if (with.executor.under_way() > 0) {
    with.sources.Cancel();
    with.source.Cancel();
  }
  with.executor.Abandon();
  *abandoned = false;
}

bool Context::EndsEverything(const Status& why) const {
  return IsStopsEverything(why) || state::IsOwnershipLost(why) || state::IsUnsettled(why) ||
         with.stop;
}

Status Context::TableTrouble(const std::string& name, const Status& why) {
  if (EndsEverything(why)) return why;
  // A lost connection is the round's trouble: no further verdict of this round would count.
  if (odbc::ClassOf(why) == odbc::ErrorClass::kConnectionLost) return why;
  Record(name, why);
  return Status::OK();
}

Status Context::WorkerTrouble(const std::string& name, const Status& why) {
  if (EndsEverything(why)) return why;
  Record(name, why);
  return Status::OK();
}

void Context::Record(const std::string& name, const Status& why) {
  TableRuntime& table = runtime[name];
  const bool transient = IsTransient(why);
  table.transient = transient;
  if (transient) {
    table.retry_at = with.clock.MonotonicNow();
  } else {
    const auto pause = kFirstRetryPause * (int64_t{1} << std::min(table.retries++, 10));
    table.retry_at =
        with.clock.MonotonicNow() + std::min<std::chrono::seconds>(pause, kRetryPauseMax);
  }
  const bool known = table.trouble == why.message();
  table.trouble = why.message();
  Show(name, transient ? TableCondition::kRetrying : TableCondition::kStopped);
  if (known) return;
  LogEvent(transient ? Level::kWarn : Level::kError, transient ? "table_retry" : "table_stopped",
           {{"table", name}, {"why", why.message()}});
  if (transient) return;
  pending.push_back(
      [name, why = why.message(), at = FormatUtc(with.clock.UtcNow())](auto& document) {
        const auto found = document.tables.find(name);
        if (found == document.tables.end() || found->second.stopped == why) return;
        found->second.stopped = why;
        found->second.stopped_since = at;
      });
}

void Context::Delivered(const std::string& name, const std::string& key,
                        const ObjectFacts& object) {
  TableRuntime& table = runtime[name];
  table.rows += object.rows;
  ++table.objects;
  TableProgress& progress = table.progress;
  progress.rows += object.rows;
  ++progress.objects;
  progress.bytes += object.bytes;
  progress.last_object_at = with.clock.UtcNow();
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

void Context::Show(const std::string& name, TableCondition condition) {
  TableRuntime& table = runtime[name];
  TableProgress& now = table.progress;
  now.name = name;
  now.condition = condition;
  now.why = table.trouble;
  if (const auto found = document().tables.find(name); found != document().tables.end()) {
    now.in_cut = found->second.in_cut;
    now.last_key = found->second.claim ? found->second.claim->key : "";
    now.gaps = std::ssize(found->second.gaps);
  }
  if (now == table.told) return;
  table.told = now;
  with.observer.OnTable(now);
}

void Context::TableFine(const std::string& name) {
  TableRuntime& table = runtime[name];
  const auto found = document().tables.find(name);
  const bool recorded = found != document().tables.end() && !found->second.stopped.empty();
  if (table.trouble.empty() && !recorded) return;
  LogEvent(Level::kInfo, "table_resumed", {{"table", name}});
  table.trouble.clear();
  table.retries = 0;
  if (recorded) {
    pending.push_back([name](auto& document) {
      document.tables.at(name).stopped.clear();
      document.tables.at(name).stopped_since.clear();
    });
  }
}

}  // namespace cdc::capture

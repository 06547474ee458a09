#include "capture/context.h"

#include <algorithm>

#include "base/events.h"
#include "base/fault.h"
#include "base/utc_text.h"

namespace cdc::capture {

namespace {

using arrow::Status;

// A table that somebody must look at is tried again after growing pauses: whoever mends it sees it
// go on soon, and a server is not asked every second for what it refuses.
constexpr std::chrono::seconds kFirstRetryPause{2};
constexpr std::chrono::seconds kRetryPauseMax{120};
constexpr std::chrono::milliseconds kLeaseLook{200};

}  // namespace

std::shared_ptr<const Tools> Tools::Of(const Context& context) {
  return std::make_shared<const Tools>(
      Tools{context.options, context.with.sources, context.with.data, context.with.clock,
            context.identity.guid, [abandoned = context.abandoned, &stop = context.with.stop] {
              return stop.load() || abandoned->load();
            }});
}

bool Context::IsResting(const std::string& name) const {
  const auto found = runtime.find(name);
  return found != runtime.end() && found->second.trouble != Trouble::kNone &&
         with.clock.MonotonicNow() < found->second.retry_at;
}

Status Context::Swap(const state::Edits& edits) {
  ARROW_RETURN_NOT_OK(owned.Swap(edits));
  ++swaps;
  return Status::OK();
}

Status Context::KeepLease() { return owned.needs_renewal() ? Swap() : Status::OK(); }

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
  return FaultOf(why).reach >= Reach::kEverything || with.stop;
}

Status Context::TableTrouble(const std::string& name, const Status& why) {
  if (EndsEverything(why)) return why;
  // A lost connection is the round's trouble: no further verdict of this round would count.
  if (FaultOf(why).retry == Retry::kAfterReconnect) return why;
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
  const bool transient = FaultOf(why).retry != Retry::kWhenSomebodyActs;
  table.trouble = transient ? Trouble::kRetrying : Trouble::kStopped;
  table.retry_at = with.clock.MonotonicNow();
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
  Show(name, transient ? progress::Condition::kRetrying : progress::Condition::kStopped);
  if (known) return;
  LogEvent(transient ? Level::kWarn : Level::kError, transient ? "table_retry" : "table_stopped",
           {{"table", name}, {"why", why.message()}});
  if (transient) return;
  const auto entry = document().tables.find(name);
  if (entry != document().tables.end() && entry->second.stopped != why.message()) {
    Note(state::StopTable{name, why.message(), FormatUtc(with.clock.UtcNow())});
  }
}

void Context::Delivered(const std::string& name, const std::string& key,
                        const ObjectFacts& object) {
  TableRuntime& table = runtime[name];
  table.rows += object.rows;
  ++table.objects;
  progress::TableFacts& progress = table.progress;
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

void Context::Show(const std::string& name, progress::Condition condition) {
  TableRuntime& table = runtime[name];
  progress::TableFacts& now = table.progress;
  now.name = name;
  now.condition = condition;
  now.why = table.why;
  if (const auto found = document().tables.find(name); found != document().tables.end()) {
    now.in_cut = found->second.in_cut;
    now.last_key = found->second.claim ? found->second.claim->key : "";
    now.gaps = std::ssize(found->second.gaps);
    now.name_today = found->second.name_today;
  }
  if (now == table.told) return;
  table.told = now;
  with.observer.OnTable(now);
}

void Context::TableFine(const std::string& name) {
  TableRuntime& table = runtime[name];
  const auto found = document().tables.find(name);
  const bool recorded = found != document().tables.end() && !found->second.stopped.empty();
  if (table.trouble == Trouble::kNone && !recorded) return;
  LogEvent(Level::kInfo, "table_resumed", {{"table", name}});
  table.trouble = Trouble::kNone;
  table.why.clear();
  table.retries = 0;
  if (recorded) Note(state::ResumeTable{name});
}

}  // namespace cdc::capture

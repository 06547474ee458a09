#include "capture/delivery.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/events.h"
#include "capture/type_changes.h"
#include "rules/same_database.h"
#include "state/edits.h"

// How changes become objects, each exactly once. For every table: read, claim, put, confirm. The
// state document is the only truth; what a crash leaves behind is said at each step of Flush.

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using std::chrono::milliseconds;

// Objects that were read wait for a common claim, as a database log groups its commits: so long,
// or until so many are there.
constexpr milliseconds kGroupWait{100};
constexpr size_t kReadyObjectsMax = 200;
// Bounds of what is read and not yet put; then reading waits for the store.
constexpr int64_t kUnputObjectsMax = 400;
constexpr int64_t kUnputMemoryMax = 12 << 20;
constexpr int64_t kUnputBytesMax = 512 << 20;  // most of them in temporary files
// How long to wait for a worker at most before the lease is looked at.
constexpr milliseconds kLook{500};

// "7 of ModifiedDate, 1 of Name"
std::string AlteredText(const pq::FooterRecord& record) {
  std::string text;
  for (const auto& [column, count] : record.altered_values) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " of " + column;
  }
  return text;
}

state::FolderForm FormOf(const BuiltObject& object) {
  return object.folder_number > 0 ? object.change.alone : object.change.form;
}

}  // namespace

pq::FooterRecord NextRecord(const Context& context, const state::Table& table,
                            const source::CaptureInstance& instance) {
  pq::FooterRecord record;
  record.database = context.options.database;
  record.schema = table.schema;
  record.table = table.name;
  record.source_object_id = table.source_object_id;
  record.capture_instance = instance.name;
  record.history_id = context.document().history_id;
  record.sequence = table.sequence() + 1;
  record.from = table.position;
  record.previous_key = table.claim ? table.claim->key : "";
  for (const state::Gap& gap : table.gaps) {
    if (gap.carried_by == 0) record.gaps.push_back({gap.from, gap.to});
  }
  record.database_guid = context.document().database_guid;
  record.family_guid = context.document().family_guid;
  record.known_columns = table.columns;
  record.earlier_tables = table.earlier_tables;
  record.program_version = context.options.program_version;
  return record;
}

void Delivery::Add(const std::string& name, const Reading& reading) {
  Turn& turn = turns_[name];
  turn.reading = reading;
  turn.resume = context_.document().ResumePosition(context_.table(name));
  queue_.push_back(name);
}

Status Delivery::Run() {
  Executor& executor = context_.with.executor;
  const std::atomic<bool>& stop = context_.with.stop;
  StartReads();
  while (executor.under_way() > 0 || (!ready_.empty() && !stop)) {
    if (!stop && ShouldFlush()) ARROW_RETURN_NOT_OK(Flush());
    const auto then = executor.Wait(ready_.empty() ? kLook : kGroupWait);
    if (then) ARROW_RETURN_NOT_OK((*then)());
    ARROW_RETURN_NOT_OK(context_.held.KeepLease());
    StartReads();
  }
  return stop ? Status::Cancelled("stopped") : halted_;
}

void Delivery::StartReads() {
  while (!queue_.empty() && reading_ < context_.options.workers && halted_.ok() &&
         !context_.with.stop && unput_objects_ < kUnputObjectsMax &&
         unput_memory_ < kUnputMemoryMax && unput_bytes_ < kUnputBytesMax) {
    const std::string name = std::move(queue_.front());
    queue_.pop_front();
    Turn& turn = turns_.at(name);
    if (turn.failed) continue;
    if (turn.objects > 0 && context_.with.clock.MonotonicNow() >= deadline_) continue;
    const state::Table& table = context_.table(name);
    auto names = context_.NamesOf(table);
    if (!names.ok()) {
      halted_ = names.status();
      return;
    }
    ++reading_;
    const ReadOrder order{name,
                          turn.reading.instance,
                          turn.resume,
                          turn.reading.through.value_or(horizon_.lsn),
                          horizon_.lsn,
                          NextRecord(context_, table, turn.reading.instance),
                          table.columns,
                          table.form,
                          std::move(*names)};
    context_.with.executor.Post(Executor::Lane::kRead, [this, tools = tools_, order]() {
      auto read = std::make_shared<Result<ReadOutcome>>(ReadNext(*tools, order));
      return [this, name = order.table, read] { return OnRead(name, std::move(*read)); };
    });
  }
}

Status Delivery::OnRead(const std::string& name, Result<ReadOutcome> read) {
  --reading_;
  Turn& turn = turns_.at(name);
  // The object before it could not be put; or all that counts now is to end.
  if (turn.failed || context_.with.stop) return Status::OK();
  if (!read.ok()) {
    Fail(&turn);
    const Status& why = read.status();
    // One table may break its connection again and again; when all break, it is the server.
    if (FaultOf(why).retry == Retry::kAfterReconnect &&
        ++lost_connections_ > context_.options.workers) {
      halted_ = why;
      return Status::OK();
    }
    return context_.known.WorkerTrouble(name, why);
  }
  if (read->overtaken) {
    turn.outcome = Outcome::kOvertaken;
    LogEvent(Level::kWarn, "read_overtaken",
             {{"table", name},
              {"why",
               "cleanup or a new capture instance came in between; the rows "
               "read are dropped and the table is judged anew"}});
    return Status::OK();
  }
  if (!read->object) {
    turn.outcome = turn.objects == 0 ? Outcome::kNothing : Outcome::kNotShown;
    return Status::OK();
  }
  ++unput_objects_;
  unput_memory_ += read->object->bytes->memory_bytes();
  unput_bytes_ += read->object->bytes->size_bytes();
  Ready ready{name, std::move(*read->object), "", ""};
  if (turn.putting) {
    turn.held = std::move(ready);
  } else {
    BecomeReady(std::move(ready));
  }
  return Status::OK();
}

void Delivery::BecomeReady(Ready ready) {
  if (ready_.empty()) ready_since_ = context_.with.clock.MonotonicNow();
  ready_.push_back(std::move(ready));
}

bool Delivery::ShouldFlush() const {
  if (ready_.empty()) return false;
  const bool nothing_else_comes = reading_ == 0 && (queue_.empty() || !halted_.ok());
  const bool full = ready_.size() >= kReadyObjectsMax || unput_memory_ >= kUnputMemoryMax ||
                    unput_bytes_ >= kUnputBytesMax || unput_objects_ >= kUnputObjectsMax;
  const bool table_waits =
      std::ranges::any_of(ready_, [](const Ready& ready) { return ready.object.more; });
  return nothing_else_comes || full || table_waits ||
         context_.with.clock.MonotonicNow() - ready_since_ >= kGroupWait;
}

Status Delivery::Flush() {
  // 1. Read, and asked again on the same connection whether the rows were still all there
  // (ReadNext). A crash until here costs work, nothing else.
  CrashPoint("read_not_claimed");

  // 2. Claim. From here on these rows belong to these objects: whoever comes next delivers exactly
  // them.
  ARROW_RETURN_NOT_OK(Claim());
  CrashPoint("claimed_not_put");
  for (const Ready& ready : ready_) TellChange(ready.table, ready.folder, ready.object.change);

  // 3. Put, on other threads, while the tables' next objects are read. A crash in between leaves
  // claims without objects; the next owner reads the same windows again.
  std::vector<Ready> claimed;
  claimed.swap(ready_);
  for (Ready& ready : claimed) {
    Turn& turn = turns_.at(ready.table);
    ++turn.objects;
    turn.resume = ready.object.record.to;
    if (ready.object.more) {
      queue_.push_back(ready.table);
    } else {
      turn.outcome = Outcome::kDelivered;
    }
    StartPut(std::move(ready));
  }

  // 4. Confirm (OnPut): rides in the next swap, and always before or with the table's next claim.
  // Without it the next owner asks the store for the object, finds it, and goes on.
  return Status::OK();
}

Status Delivery::Claim() {
  for (Ready& ready : ready_) {
    const state::Table& table = context_.table(ready.table);
    ARROW_ASSIGN_OR_RAISE(rules::TableNames names, context_.NamesOf(table));
    if (ready.object.folder_number > 0) names = names.InFolder(ready.object.folder_number);
    ready.folder = names.folder();
    ready.key = names.Next(context_.with.clock.UtcNow(), table.claim ? table.claim->key : "");
  }
  state::Edits edits;
  for (const Ready& ready : ready_) {
    const pq::FooterRecord& record = ready.object.record;
    edits.emplace_back(state::ClaimObject{ready.table, state::Claim{record, ready.key},
                                          record.altered_values, ready.object.columns, ready.folder,
                                          FormOf(ready.object)});
  }
  edits.emplace_back(state::MoveAnchor{rules::AnchorOf(horizon_)});
  return context_.held.Swap(edits);
}

void Delivery::StartPut(Ready ready) {
  turns_.at(ready.table).putting = true;
  const auto work = std::make_shared<Ready>(std::move(ready));
  context_.with.executor.Post(Executor::Lane::kPut, [this, tools = tools_, work]() {
    Status put = PutClaimed(*tools, work->key, work->object);
    return [this, work, put] { return OnPut(work->table, work->object, work->key, put); };
  });
}

Status Delivery::OnPut(const std::string& name, const BuiltObject& object, const std::string& key,
                       const Status& put) {
  CrashPoint("put_not_confirmed");
  Turn& turn = turns_.at(name);
  turn.putting = false;
  --unput_objects_;
  unput_memory_ -= object.bytes->memory_bytes();
  unput_bytes_ -= object.bytes->size_bytes();
  TableRuntime& runtime = context_.known[name];
  if (!put.ok()) {
    runtime.unconfirmed = true;
    runtime.unconfirmed_object = ObjectFacts::Of(object);
    Fail(&turn);
    return context_.with.stop ? Status::OK() : context_.known.WorkerTrouble(name, put);
  }
  const pq::FooterRecord& record = object.record;
  context_.held.Note(state::ConfirmClaim{name, record.sequence});
  runtime.waiting_since.reset();
  // Its next read may have failed meanwhile: that trouble stays.
  if (!turn.failed) context_.known.ResumeTable(name);
  context_.known.Delivered(name, key, ObjectFacts::Of(object));
  context_.known.Publish(name,
                         turn.failed ? runtime.progress.condition : progress::Condition::kBehind);
  LogEvent(Level::kDebug, "object_put",
           {{"table", name},
            {"key", key},
            {"rows", record.rows},
            {"bytes", object.bytes->size_bytes()},
            {"altered", AlteredText(record)}});
  if (turn.held) {
    BecomeReady(std::move(*turn.held));
    turn.held.reset();
  }
  return Status::OK();
}

// What was read beyond an object that could not be put is read again later.
void Delivery::Fail(Turn* turn) {
  turn->failed = true;
  turn->outcome = Outcome::kFailed;
  if (!turn->held) return;
  --unput_objects_;
  unput_memory_ -= turn->held->object.bytes->memory_bytes();
  unput_bytes_ -= turn->held->object.bytes->size_bytes();
  turn->held.reset();
}

}  // namespace cdc::capture

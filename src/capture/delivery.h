#pragma once

#include <arrow/status.h>

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "capture/context.h"
#include "capture/instances.h"
#include "capture/read_task.h"

namespace cdc::capture {

// The commit protocol's steps for a round (ARCHITECTURE.md, "The commit protocol"). Workers read
// objects; what is ready is claimed in one swap, put by workers while the next objects are read,
// and confirmed with the next swap. Tables take turns, one object each, so that nobody's backlog
// starves the others.
class Delivery {
 public:
  // After `deadline` (monotonic) no table gets a further turn; what remains is the next round's.
  Delivery(Context& context, const source::Horizon& horizon, std::chrono::nanoseconds deadline)
      : context_(context), horizon_(horizon), deadline_(deadline), tools_(Tools::Of(context)) {}
  ~Delivery() { context_.work.Abandon(); }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  void Add(const std::string& name, const Reading& reading);
  // Everything of the added tables up to the horizon, or as far as the deadline allows. An error is
  // the round's; a table's own is recorded as its trouble.
  arrow::Status Run();

  enum class Outcome {
    kFailed,     // its trouble is recorded
    kDelivered,  // through to the end of its reading
    kNothing,    // there were no rows
    kMore,       // its turns were over before its rows
    kOvertaken,  // cleanup came in between: nothing is known
    kNotShown,   // the server said that there are more rows, and then gave none
  };
  Outcome outcome(const std::string& name) const { return turns_.at(name).outcome; }

 private:
  struct Ready {
    std::string table;
    BuiltObject object;
    std::string key;
    std::string folder;  // that the key is in
  };
  struct Turn {
    Reading reading;
    Position resume;  // where its next object begins
    Outcome outcome = Outcome::kMore;
    int64_t objects = 0;   // claimed in this round
    bool putting = false;  // its next claim comes only after this
    bool failed = false;
    std::optional<Ready> held;  // read while the object before it is put
  };

  void StartReads();
  arrow::Status OnRead(const std::string& name, arrow::Result<ReadOutcome> read);
  void BecomeReady(Ready ready);
  bool ShouldFlush() const;
  arrow::Status Flush();
  arrow::Status Claim();
  void StartPut(Ready ready);
  arrow::Status OnPut(const std::string& name, const BuiltObject& object, const std::string& key,
                      const arrow::Status& put);
  void Fail(Turn* turn);

  Context& context_;
  const source::Horizon horizon_;
  const std::chrono::nanoseconds deadline_;
  const std::shared_ptr<const Tools> tools_;
  std::map<std::string, Turn> turns_;
  std::deque<std::string> queue_;  // tables that wait for a worker
  int64_t reading_ = 0;
  std::vector<Ready> ready_;
  std::chrono::nanoseconds ready_since_{0};
  // Built and not yet put: they hold memory and temporary files.
  int64_t unput_objects_ = 0, unput_memory_ = 0, unput_bytes_ = 0;
  int64_t lost_connections_ = 0;
  arrow::Status halted_;  // no further reads; the round fails when what is begun has ended
};

// The record of a table's next object, as far as it is known before its rows are.
pq::FooterRecord NextRecord(const Context& context, const state::Table& table,
                            const source::CaptureInstance& instance);

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "capture/context.h"
#include "capture/instances.h"

namespace cdc::capture {

// What one round may do.
struct RoundLimits {
  // Nothing beyond this horizon; nothing: up to the one that the round finds.
  std::optional<source::Horizon> up_to;
  // Tables with a backlog get further turns for so long; then the next round looks at all again.
  std::chrono::nanoseconds turns = std::chrono::hours(24 * 365);
  bool wait_for_age = true;  // as object_age says
};

struct RoundReport {
  int64_t objects = 0;
  int64_t rows = 0;
  int64_t captured_tables = 0;             // as the server says, selected or not
  std::optional<source::Horizon> horizon;  // up to which the round looked
  // Tables that are not read now: schema.name and why.
  std::vector<std::pair<std::string, std::string>> stopped;
  // Something only needs another try: a lock timeout, a server that lags, cleanup in between.
  bool try_again = false;
  // There is more to be read at once: a backlog, or a table that goes on with its newer instance.
  bool more = false;
};

// What the steps of a round have found so far.
struct OpenRound {
  std::map<std::string, Reading> readable;  // tables that may be read, by schema.name
  std::vector<std::string> changed;         // of them, those with rows to be delivered now
  std::set<std::string> waiting;            // those whose rows are younger than object_age
  std::set<std::string> empty;              // and those without
  std::set<std::string> complete;           // delivered up to the horizon
  bool try_again = false;                   // as in the report
  bool more = false;
};

// The heart: takes the state document over, then delivers the changes of all selected tables, round
// by round. The steps of a round run on the caller's thread, which alone touches the document;
// workers read and put. Errors: IsStopsEverything and state::IsOwnershipLost are final;
// state::IsUnsettled wants a new Capture; any other error may go away, and the next Round begins
// where this one was.
class Capture {
 public:
  static arrow::Result<std::unique_ptr<Capture>> Start(const Options& options,
                                                       const Surroundings& surroundings);

  arrow::Result<RoundReport> Round(const RoundLimits& limits = {});
  // Between rounds: tells others that this program is alive, when it is time to.
  arrow::Status KeepLease() { return context_.held.KeepLease(); }
  // Writes down what the last round left to be confirmed, and gives the document up. A crash
  // instead costs one HEAD a table, and the next owner waits for the lease.
  arrow::Status Finish();

  const state::Document& document() const { return context_.document(); }

 private:
  Capture(const Options& options, const Surroundings& surroundings, state::OwnedDocument owned)
      : context_(options, surroundings, std::move(owned)) {}

  arrow::Result<RoundReport> Steps(const RoundLimits& limits, std::chrono::nanoseconds started);
  // The steps of a round, in order.
  arrow::Status JudgeDatabase(const source::PollInfo& info, bool* wait);
  void NoteNames(const source::PollInfo& info);
  void TellIdlePatterns(const source::PollInfo& info);
  arrow::Status LeaveOut();
  arrow::Status ChooseInstances(const source::PollInfo& info);
  std::map<std::string, Reading> TakeHeldUp();
  arrow::Status FindWork(const source::Horizon& horizon, bool wait_for_age);
  arrow::Status Deliver(const source::Horizon& horizon, std::chrono::nanoseconds deadline);
  arrow::Status CloseRound(const source::Horizon& horizon);
  arrow::Status FollowTables(const source::Horizon& horizon);
  void BeginToFollow(const std::string& name);

  arrow::Result<bool> StillWaits(const std::string& name);
  void Publish(const source::PollInfo& info, std::chrono::nanoseconds started, bool ended);
  void PublishTables();
  RoundReport Report() const;

  Context context_;
  std::set<std::string> idle_patterns_;  // told already
  OpenRound round_;
};

}  // namespace cdc::capture

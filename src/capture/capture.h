#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "capture/context.h"

namespace cdc::capture {

struct RoundReport {
  int64_t objects = 0;
  int64_t rows = 0;
  // Tables that are not read now: schema.name and why.
  std::vector<std::pair<std::string, std::string>> stopped;
  // Something only needs another try: a lock timeout, a server that lags, cleanup in between.
  bool try_again = false;
};

// The heart: takes the state document over, then delivers the changes of all captured tables, round
// by round. One thread. Errors: IsStopsEverything and state::IsOwnershipLost are final;
// state::IsUnsettled wants a new Capture; any other error may go away, and the next Round begins
// where this one was.
class Capture {
 public:
  // The references must outlive it. `state_store` is where the document lives; it may be `data`.
  static arrow::Result<std::unique_ptr<Capture>> Start(const Options& options,
                                                       source::Source& source, store::Store& data,
                                                       store::Store& state_store,
                                                       const Clock& clock,
                                                       const std::atomic<bool>& stop);

  // One round over all tables, up to the horizon at its beginning.
  arrow::Result<RoundReport> Round();
  // Writes down what the last round left to be confirmed. A crash instead costs one HEAD a table.
  arrow::Status Finish();

  const state::Document& document() const { return context_.document(); }

 private:
  explicit Capture(Context context) : context_(std::move(context)) {}

  // The steps of a round, in order.
  arrow::Status CheckFolders();
  arrow::Status AddNewTables(const source::PollInfo& info);
  arrow::Status SettleClaims(const source::PollInfo& info);
  arrow::Status FindWork(const source::PollInfo& info);
  arrow::Status Deliver(const source::Horizon& horizon);
  arrow::Status CloseRound(const source::Horizon& horizon);

  arrow::Result<state::Table> Admit(const source::CaptureInstance& instance,
                                    const source::Horizon& horizon) const;
  arrow::Status JudgeGap(const std::string& name, const source::CaptureInstance& instance,
                         const source::Horizon& horizon);
  bool IsResting(const std::string& name) const;
  RoundReport Report() const;

  Context context_;
  // Of the round under way.
  std::map<std::string, source::CaptureInstance>
      readable_;                      // tables that may be read, by schema.name
  std::vector<std::string> changed_;  // of them, those with rows
  std::set<std::string> empty_;       // and those without
  std::set<std::string> complete_;    // delivered up to the horizon
  bool try_again_ = false;
};

}  // namespace cdc::capture

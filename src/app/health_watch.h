#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "progress/facts.h"
#include "rules/selection.h"
#include "source/source.h"
#include "state/document.h"

namespace cdc::app {

// One measurement and what it means.
struct HealthReport {
  source::CaptureHealth health;
  source::CaptureVerdict capture;
  source::RetentionVerdict retention;
};

HealthReport Judge(source::CaptureHealth health);
// What the board shows of it; `now` is when it was measured, by our clock. Tables that cleanup
// reaches later than others that were asked about have no headroom there.
progress::Health ForBoard(const HealthReport& report, UtcTime now);

// Where the selected tables of the document are, for Source::Health.
std::vector<source::TablePosition> ResumePositions(const state::Document& document,
                                                   const rules::TableSelection& selection);

// "dbo.a, dbo.b: 4 h of 3 d are left …", of the tables that cleanup reaches first.
std::string DescribeHeadroom(const source::RetentionVerdict& retention);
// What to do about it; `stopped` is why the table is not read, or "".
std::string RetentionHelp(const std::string& stopped);

// Keeps an eye on the server's side of capture between rounds, and says once what changed: the
// events capture_stopped, capture_lags, capture_resumed, retention_near, retention_ok. One thread.
class HealthWatch {
 public:
  using Listener = std::function<void(const HealthReport&)>;

  // `listener` (or nothing) is told every measurement. `clock` must outlive the watch.
  HealthWatch(const Clock& clock, rules::TableSelection selection, Listener listener)
      : clock_(clock), selection_(std::move(selection)), listener_(std::move(listener)) {}

  // Measures over the source's polling connection if it is time to. What cannot be measured now is
  // tried again; it is never the round's trouble.
  void AfterRound(source::Source& source, const state::Document& document);

 private:
  void TellCapture(const HealthReport& report);
  void TellRetention(const HealthReport& report, const state::Document& document);

  const Clock& clock_;
  const rules::TableSelection selection_;
  const Listener listener_;
  std::chrono::nanoseconds due_{0};  // monotonic
  // What was said last.
  source::CaptureCondition capture_ = source::CaptureCondition::kRuns;
  source::RetentionCondition retention_ = source::RetentionCondition::kAmple;
};

}  // namespace cdc::app

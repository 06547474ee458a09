#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "app/failure.h"
#include "app/health_watch.h"
#include "app/print.h"
#include "app/rule_patterns.h"
#include "app/stop_signal.h"
#include "app/telemetry.h"
#include "app/verb.h"
#include "app/wiring.h"
#include "base/events.h"
#include "base/fault.h"
#include "capture/capture.h"
#include "source/sql.h"
#include "state/lease.h"

namespace cdc::app {

namespace {

using arrow::Result;
using std::chrono::milliseconds;

struct Options {
  bool once = false;       // up to the horizon at its start, then exit
  bool take_over = false;  // do not wait for the lease of another copy, alive or not
};

constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kPauseMax{60'000};
constexpr int kOnceTries = 5;
constexpr int kTakeOverTries = 5;  // of a start that meets others' swaps
// A round gives tables with a backlog further turns for the interval, but not for less than this.
constexpr milliseconds kTurnsMin{2'000};
// How often a standby looks at the document, and how often an owner looks whether to renew.
constexpr milliseconds kLookMin{50};
constexpr milliseconds kLookMax{5'000};
constexpr milliseconds kStandbyLookMax{1'000};

// Pauses between tries grow while nothing gets better.
class Pauses {
 public:
  milliseconds Next() {
    const milliseconds pause = next_;
    next_ = std::min(next_ * 2, kPauseMax);
    return pause;
  }
  void Reset() { next_ = kFirstPause; }

 private:
  milliseconds next_ = kFirstPause;
};

class Runner {
 public:
  Runner(const config::Config& config, const Options& how, Telemetry& telemetry, StopSignal& stop)
      : config_(config),
        telemetry_(telemetry),
        stop_(stop),
        once_(how.once),
        take_over_(how.take_over),
        executor_(capture::MakeThreads(static_cast<size_t>(config.run.workers))) {
    stop_.OnStop([this] { sources_.Cancel(); });
  }

  int Go() {
    const int code = once_ ? Once() : Forever();
    if (stop_.requested()) LogEvent(Level::kInfo, "stopped", {});
    return code;
  }

 private:
  // Both sides, looked at once: what is wrong with them now a person should hear at the start.
  arrow::Status Connect() {
    if (!stores_.data) {
      ARROW_RETURN_NOT_OK(CheckTempDir(config_));
      ARROW_ASSIGN_OR_RAISE(stores_, OpenStores(config_));
    }
    if (connected_) return arrow::Status::OK();
    if (!source_) {
      ARROW_ASSIGN_OR_RAISE(source_, source::ConnectSqlServer(SourceOptions(config_)));
      stop_.OnStop([this] {
        source_->Cancel();
        sources_.Cancel();
      });
    }
    ARROW_ASSIGN_OR_RAISE(const auto identity, source_->Identify());
    if (!identity.cdc_enabled) {
      return arrow::Status::Invalid("change data capture is not enabled in database ",
                                    identity.name, " on ", identity.server_name,
                                    ". What helps: ", source::sql::EnableCdc(identity.name));
    }
    database_ = identity.name;
    telemetry_.OnDatabase(database_);
    ARROW_RETURN_NOT_OK(
        state::CheckName(stores_.state(), CaptureOptions(config_, database_).document()));
    ARROW_RETURN_NOT_OK(RequireConditions(stores_));
    LogStoreNotes();
    ARROW_RETURN_NOT_OK(TellIdleSettings());
    connected_ = true;
    return arrow::Status::OK();
  }

  void LogStoreNotes() {
    for (const std::string& note : stores_.TakeNotes()) {
      LogEvent(Level::kWarn, "store_note", {{"note", note}});
    }
  }

  // Before anything is read: what a misspelt pattern was to mask would go out as it is.
  arrow::Status TellIdleSettings() {
    if (config_.types.rules.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto info, source_->Poll(std::nullopt));
    ARROW_ASSIGN_OR_RAISE(
        const auto stored,
        state::ReadDocument(stores_.state(), CaptureOptions(config_, database_).document()));
    ARROW_ASSIGN_OR_RAISE(const auto idle,
                          IdleSettings(*source_, config_.types, info.instances,
                                       stored ? std::optional(stored->document) : std::nullopt));
    for (const IdleSetting& setting : idle) {
      const bool pattern = setting.fits_nothing;
      LogEvent(Level::kWarn, pattern ? "pattern_matches_nothing" : "option_without_effect",
               {{"setting", setting.setting},
                {pattern ? "pattern" : "word", setting.value},
                {"why", setting.why}});
    }
    return arrow::Status::OK();
  }

  // A swap may come between our look and ours: the last one of a predecessor that has ended, or one
  // of another copy that is alive. Another look tells them apart.
  arrow::Status BecomeOwner() {
    const auto options = CaptureOptions(config_, database_);
    state::LeaseWatch watch(stores_.state(), Clock::System(), options.document());
    for (int tries = 1;; ++tries) {
      ARROW_RETURN_NOT_OK(AwaitTurn(watch));
      auto begun = capture::Capture::Start(
          options, {*source_, sources_, *executor_, *stores_.data, stores_.state(), Clock::System(),
                    stop_.requested(), telemetry_.observer()});
      if (IsLost(begun.status()) && tries < kTakeOverTries) continue;
      ARROW_ASSIGN_OR_RAISE(capture_, std::move(begun));
      break;
    }
    take_over_ = false;  // once: afterwards we are as patient as any other copy
    owner_id_ = capture_->document().owner.id;
    telemetry_.observer().OnRole(progress::Role::kOwner,
                                 state::LeaseWatch::Describe(capture_->document().owner));
    return arrow::Status::OK();
  }

  // Waits until no other copy has the document. One that is alive: a standby waits on, `--once`
  // ends and says who it is.
  arrow::Status AwaitTurn(state::LeaseWatch& watch) {
    for (bool told = false;; told = true) {
      ARROW_ASSIGN_OR_RAISE(const auto view, watch.Look());
      if (view.free || take_over_ || view.owner->id == owner_id_) return arrow::Status::OK();
      const std::string who = state::LeaseWatch::Describe(*view.owner);
      if (once_ && view.alive) {
        return state::OwnershipLost(
            "another copy delivers this database: " + who +
            ". It is alive; nothing was done. To take over from it: run --once --take-over");
      }
      if (!told) {
        LogEvent(Level::kInfo, "standby",
                 {{"owner", who},
                  {"lease_ms", view.owner->lease_ms},
                  {"why",
                   "another copy owns the state document; waiting until it gives it up or "
                   "is not heard of for its lease"}});
      }
      telemetry_.observer().OnRole(progress::Role::kStandby, who);
      const auto look =
          std::clamp(milliseconds(view.owner->lease_ms) / 8, kLookMin, kStandbyLookMax);
      if (!stop_.SleepFor(std::min(look, std::max(view.remaining, milliseconds(1))))) {
        return arrow::Status::Cancelled("stopped");
      }
    }
  }

  arrow::Status Begin() {
    ARROW_RETURN_NOT_OK(Connect());
    return capture_ ? arrow::Status::OK() : BecomeOwner();
  }

  Result<capture::RoundReport> Round(const capture::RoundLimits& limits) {
    ARROW_RETURN_NOT_OK(Begin());
    auto report = capture_->Round(limits);
    LogStoreNotes();
    // Whether the last swap happened is not known: only taking over anew can tell. And an owner
    // that lost the document has nothing to go on with.
    if (FaultOf(report.status()).reach == Reach::kOwnership) capture_.reset();
    if (report.ok()) health_.AfterRound(*source_, capture_->document());
    return report;
  }

  int Once() {
    capture::RoundLimits limits;
    limits.wait_for_age = false;
    Pauses pauses;
    for (int tries = 1;;) {
      const auto report = Round(limits);
      if (stop_.requested()) return Leave(kExitDone);
      if (!report.ok() && EndsOnce(report.status(), connected_)) return Fail(report.status());
      if (report.ok() && report->horizon && !limits.up_to) limits.up_to = report->horizon;
      if (report.ok() && report->more) continue;
      const bool again = !report.ok() || report->try_again;
      if (!again || tries == kOnceTries) {
        if (!report.ok()) return Fail(report.status());
        return Leave(Conclude(*report));
      }
      ++tries;
      if (!stop_.SleepFor(pauses.Next())) return Leave(kExitDone);
    }
  }

  int Conclude(const capture::RoundReport& report) const {
    telemetry_.EndProgress();
    if (capture_->document().tables.empty() && report.stopped.empty()) {
      SayError("cdc-to-s3: {}\n", WhyNothing(report));
      return kExitFailed;
    }
    for (const auto& [table, why] : report.stopped)
      SayError("cdc-to-s3: {}: {}\n", table, PrintableLines(why, 2));
    if (report.try_again) {
      SayError("cdc-to-s3: not everything could be read now; run again\n");
      return kExitFailed;
    }
    return report.stopped.empty() ? kExitDone : kExitAttention;
  }

  std::string WhyNothing(const capture::RoundReport& report) const {
    if (report.captured_tables == 0) {
      return fmt::format(
          "nothing is captured in database {}. What helps, for each table: EXEC "
          "sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'<table>', "
          "@role_name = NULL",
          database_);
    }
    if (!config_.source.tables.empty() || !config_.source.exclude.empty()) {
      return fmt::format(
          "none of the {} captured tables of database {} is selected by [source] tables = {} and "
          "exclude = {}, or the capture job has not seen them yet. All of them: cdc-to-s3 tables",
          report.captured_tables, database_, fmt::join(config_.source.tables, ", "),
          fmt::join(config_.source.exclude, ", "));
    }
    return fmt::format(
        "{} tables of database {} are enabled for capture, but the capture job has not seen them "
        "yet. Is SQL Server Agent running? EXEC sys.sp_cdc_start_job",
        report.captured_tables, database_);
  }

  int Forever() {
    Pauses pauses, again;  // after a round that failed, and after one that wants another try
    bool begun = false;
    while (!stop_.requested()) {
      const auto started = std::chrono::steady_clock::now();
      capture::RoundLimits limits;
      limits.turns = std::max(config_.run.interval, kTurnsMin);
      const auto report = Round(limits);
      if (stop_.requested()) break;
      if (!report.ok()) {
        const arrow::Status& why = report.status();
        if (EndsDaemon(why, begun || connected_)) return Fail(why);
        if (IsLost(why)) {
          LogEvent(Level::kWarn, "ownership_lost", {{"why", why.message()}});
          continue;  // as a standby
        }
        const milliseconds pause = pauses.Next();
        LogEvent(Level::kWarn, begun ? "round_failed" : "cannot_start",
                 {{"why", why.message()}, {"next_try_ms", pause.count()}});
        Rest(pause);
        continue;
      }
      begun = true;
      pauses.Reset();
      if (!report->try_again || report->objects > 0) again.Reset();
      NoteNothing(*report);
      if (report->more) continue;
      const auto took =
          std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started);
      milliseconds wait = std::max(milliseconds(0), config_.run.interval - took);
      if (report->try_again) wait = std::min(wait, again.Next());
      Rest(wait);
    }
    return Leave(kExitDone);
  }

  // Waits, and keeps the lease meanwhile.
  void Rest(milliseconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0) return;
      const auto look = std::clamp(config_.run.lease / 6, kLookMin, kLookMax);
      if (!stop_.SleepFor(std::min(left, look))) return;
      if (!capture_) continue;
      const arrow::Status kept = capture_->KeepLease();
      if (kept.ok()) continue;
      LogEvent(Level::kWarn, IsLost(kept) ? "ownership_lost" : "lease_not_kept",
               {{"why", kept.message()}});
      capture_.reset();  // after any failed swap only taking over anew can tell
      return;
    }
  }

  // Once, until there is something.
  void NoteNothing(const capture::RoundReport& report) {
    const bool nothing = capture_->document().tables.empty() && report.stopped.empty();
    if (nothing && !noted_) {
      LogEvent(Level::kWarn, "nothing_captured",
               {{"why", WhyNothing(report)}, {"help", "a table is found without a restart"}});
    }
    noted_ = nothing;
  }

  int Leave(int code) {
    if (!capture_) return code;
    const arrow::Status finished = capture_->Finish();
    if (!finished.ok() && !state::IsOwnershipLost(finished)) {
      LogEvent(Level::kWarn, "not_confirmed", {{"why", finished.message()}});
    }
    return code;
  }

  // For a person who waits as text, from a daemon as an event; not both.
  int Fail(const arrow::Status& status) {
    telemetry_.EndProgress();
    if (once_) {
      PrintError(status);
    } else {
      LogEvent(Level::kError, "failed", {{"why", status.message()}});
    }
    if (!IsLost(status)) Leave(kExitFailed);  // what is done is written down; nobody need wait
    return ExitCodeOf(status);
  }

  static bool IsLost(const arrow::Status& status) { return state::IsOwnershipLost(status); }

  const config::Config& config_;
  Telemetry& telemetry_;
  StopSignal& stop_;
  const bool once_;
  bool take_over_;
  Stores stores_;
  std::unique_ptr<source::Source> source_;
  capture::SourcePool sources_{
      [options = SourceOptions(config_)]() { return source::ConnectSqlServer(options); }};
  // What the signal breaks off ends after the threads that it frees, and before what they used.
  const std::unique_ptr<StopSignal, void (*)(StopSignal*)> cancel_ends_{
      &stop_, [](StopSignal* stop) { stop->OnStop(nullptr); }};
  std::unique_ptr<capture::Executor> executor_;
  bool connected_ = false;
  std::string database_;
  std::string owner_id_;  // of our last ownership: our own lease is not waited for
  std::unique_ptr<capture::Capture> capture_;
  bool noted_ = false;
  HealthWatch health_{Clock::System(),
                      rules::TableSelection::Make(config_.source.tables, config_.source.exclude),
                      [this](const HealthReport& report) { telemetry_.OnHealth(report); }};
};

int Run(const config::Config& config, const Options& how) {
  StopSignal stop;  // before every thread, after everything that may hang
  const auto telemetry = Telemetry::Start(config);
  if (!telemetry.ok()) {
    PrintError(telemetry.status());
    return kExitUsage;
  }
  return Runner(config, how, **telemetry, stop).Go();
}

Action Prepare(CLI::App& flags) {
  auto how = std::make_shared<Options>();
  flags.add_flag("--once", how->once, "Up to the newest change at the start, then exit");
  flags.add_flag("--take-over", how->take_over,
                 "Do not wait until another copy gives the state document up");
  return [how](const config::Config& config, bool) { return Run(config, *how); };
}

}  // namespace

extern const Verb kRunVerb = {
    .name = "run",
    .summary = "Capture changes until stopped",
    .about =
        "Delivers the changes of all selected tables, round by round, until SIGTERM or\n"
        "SIGINT; with --once up to the newest change at its start.",
    .example = "cdc-to-s3 run\ncdc-to-s3 run --once --interval 5s",
    .exit_codes =
        "0 done, 1 failed, 2 wrong usage or configuration, 3 done but a\n"
        "table needs attention",
    .needs = Needs::kSourceAndTarget,
    .lists_all_settings = true,
    .prepare = Prepare,
};

}  // namespace cdc::app

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

#include "app/verbs.h"
#include "app/wiring.h"
#include "base/events.h"
#include "capture/capture.h"
#include "odbc/connection.h"

namespace cdc::app {

namespace {

using arrow::Result;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kPauseMax{60'000};
constexpr std::chrono::seconds kStopWithin{8};  // a supervisor usually waits 10
constexpr int kOnceTries = 5;

// SIGTERM and SIGINT become a flag that everything looks at. What does not end in time is broken
// off: the protocol survives that as it survives a crash.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGUSR1);                   // ours: ends the waiting thread
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // every thread made later inherits it
    thread_ = std::thread([this] { Wait(); });
  }
  ~StopSignal() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  const std::atomic<bool>& requested() const { return requested_; }

  // What is to be broken off when the signal comes; nothing: nothing.
  void OnStop(std::function<void()> cancel) {
    const std::lock_guard lock(mutex_);
    cancel_ = std::move(cancel);
  }

  // False when stopped.
  bool SleepFor(milliseconds pause) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return requested_.load(); });
    return !requested_;
  }

 private:
  void Wait() {
    int signal = 0;
    sigwait(&set_, &signal);
    if (signal == SIGUSR1) return;
    LogEvent(Level::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    std::unique_lock lock(mutex_);
    requested_ = true;
    wake_.notify_all();
    if (cancel_) cancel_();
    if (wake_.wait_for(lock, kStopWithin, [this] { return over_; })) return;
    LogEvent(
        Level::kWarn, "stopped_hard",
        {{"why", "the work in hand did not end in time; the next start finishes what is claimed"}});
    _exit(kExitDone);
  }

  sigset_t set_{};
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void()> cancel_;
  std::atomic<bool> requested_{false};
  bool over_ = false;
};

bool IsFinal(const arrow::Status& status) {
  return capture::IsStopsEverything(status) || state::IsOwnershipLost(status);
}

// What trying again within seconds does not change: rights that are missing, a bucket that is gone.
bool IsPermanent(const arrow::Status& status) {
  const auto kind = store::KindOf(status);
  if (kind == store::ErrorKind::kDenied || kind == store::ErrorKind::kNoBucket) return true;
  return odbc::NativeErrorOf(status) != 0 && odbc::ClassOf(status) == odbc::ErrorClass::kPermanent;
}

class Runner {
 public:
  Runner(const config::Config& config, bool once) : config_(config), once_(once) {}

  int Go() {
    const arrow::Status begun = Begin();
    if (stop_.requested()) return kExitDone;
    if (!begun.ok()) return Fail(begun);
    return once_ ? Once() : Forever();
  }

 private:
  // Connects to both sides and takes the state document over.
  arrow::Status Begin() {
    if (!stores_.data) {
      ARROW_RETURN_NOT_OK(CheckTempDir(config_));
      ARROW_ASSIGN_OR_RAISE(stores_, OpenStores(config_));
    }
    if (!source_) {
      ARROW_ASSIGN_OR_RAISE(source_, source::ConnectSqlServer(SourceOptions(config_)));
      stop_.OnStop([this] { source_->Cancel(); });
      ARROW_ASSIGN_OR_RAISE(const auto identity, source_->Identify());
      if (!identity.cdc_enabled) {
        return arrow::Status::Invalid("change data capture is not enabled in database ",
                                      identity.name, " on ", identity.server_name,
                                      ". What helps: USE [", identity.name,
                                      "]; EXEC sys.sp_cdc_enable_db");
      }
      database_ = identity.name;
      ARROW_RETURN_NOT_OK(RequireConditions(stores_));
    }
    ARROW_ASSIGN_OR_RAISE(capture_, capture::Capture::Start(
                                        CaptureOptions(config_, database_), *source_, *stores_.data,
                                        stores_.state(), Clock::System(), stop_.requested()));
    return arrow::Status::OK();
  }

  int Once() {
    milliseconds pause = kFirstPause;
    for (int attempt = 1;; ++attempt) {
      const auto report = Round();
      if (stop_.requested()) return Leave(kExitDone);
      const bool again = !report.ok() || report->try_again;
      if (!report.ok() && (IsFinal(report.status()) || IsPermanent(report.status()))) {
        return Fail(report.status());
      }
      if (!again || attempt == kOnceTries) {
        if (!report.ok()) return Fail(report.status());
        return Leave(Conclude(*report));
      }
      if (!stop_.SleepFor(pause)) return Leave(kExitDone);
      pause = std::min(pause * 2, kPauseMax);
    }
  }

  int Conclude(const capture::RoundReport& report) const {
    if (capture_->document().tables.empty() && report.stopped.empty()) {
      fmt::print(stderr,
                 "cdc-to-s3: nothing is captured in database {}. What helps, for each table: EXEC "
                 "sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'<table>', "
                 "@role_name = NULL. "
                 "If tables are enabled already, the capture job has not seen them yet (SQL Server "
                 "Agent)\n",
                 database_);
      return kExitFailed;
    }
    for (const auto& [table, why] : report.stopped)
      fmt::print(stderr, "cdc-to-s3: {}: {}\n", table, why);
    if (report.try_again) {
      fmt::print(stderr, "cdc-to-s3: not everything could be read now; run again\n");
      return kExitFailed;
    }
    return report.stopped.empty() ? kExitDone : kExitAttention;
  }

  int Forever() {
    milliseconds pause = kFirstPause;
    while (!stop_.requested()) {
      const auto started = std::chrono::steady_clock::now();
      const auto report = Round();
      if (stop_.requested()) break;
      if (!report.ok() && IsFinal(report.status())) return Fail(report.status());
      milliseconds wait = config_.run.interval;
      if (!report.ok()) {
        LogEvent(Level::kWarn, "round_failed",
                 {{"why", report.status().message()}, {"next_try_ms", pause.count()}});
        wait = pause;
        pause = std::min(pause * 2, kPauseMax);
      } else {
        pause = kFirstPause;
        if (capture_->document().tables.empty()) NoteNothingCaptured();
        const auto took =
            std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started);
        wait = std::max(milliseconds(0), wait - took);
      }
      stop_.SleepFor(wait);
    }
    return Leave(kExitDone);
  }

  Result<capture::RoundReport> Round() {
    if (!capture_) ARROW_RETURN_NOT_OK(Begin());
    auto report = capture_->Round();
    // Whether the last swap happened is not known: only taking over anew can tell.
    if (!report.ok() && state::IsUnsettled(report.status())) capture_.reset();
    return report;
  }

  void NoteNothingCaptured() {
    if (noted_) return;
    noted_ = true;
    LogEvent(Level::kWarn, "nothing_captured",
             {{"database", database_},
              {"help",
               "EXEC sys.sp_cdc_enable_table @source_schema, @source_name, @role_name; it is found "
               "without a restart"}});
  }

  int Leave(int code) {
    if (capture_) {
      const arrow::Status finished = capture_->Finish();
      if (!finished.ok() && !state::IsOwnershipLost(finished)) {
        LogEvent(Level::kWarn, "not_confirmed", {{"why", finished.message()}});
      }
    }
    if (stop_.requested()) LogEvent(Level::kInfo, "stopped", {});
    return code;
  }

  // For a person who waits as text, from a daemon as an event; not both.
  int Fail(const arrow::Status& status) {
    if (once_) {
      PrintError(status);
    } else {
      LogEvent(Level::kError, state::IsOwnershipLost(status) ? "ownership_lost" : "failed",
               {{"why", status.message()}});
    }
    return ExitCodeOf(status);
  }

  const config::Config& config_;
  const bool once_;
  // Threads and what they touch: the signal thread is made first and ends last but for what it
  // cancels.
  Stores stores_;
  std::unique_ptr<source::Source> source_;
  StopSignal stop_;
  std::string database_;
  std::unique_ptr<capture::Capture> capture_;
  bool noted_ = false;
};

}  // namespace

int Run(const config::Config& config, bool once) { return Runner(config, once).Go(); }

}  // namespace cdc::app

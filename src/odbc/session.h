#pragma once

#include <arrow/result.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.h"
#include "odbc/connection.h"
#include "odbc/diagnostics.h"
#include "odbc/driver_profile.h"
#include "odbc/encryption.h"
#include "odbc/handles.h"

namespace cdc::odbc {

// What a connection and its open statement share: the handles, whether the connection still lives,
// and the call that Cancel may break off. A statement holds it, so handles are freed in the right
// order.
class Session {
 public:
  static arrow::Result<std::shared_ptr<Session>> Connect(const ConnectOptions& options);
  Session() = default;
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  SQLHANDLE connection() const { return connection_.get(); }
  const DriverProfile& profile() const { return *driver_.profile; }
  std::chrono::seconds query_timeout() const { return query_timeout_; }
  std::string DriverDescription() const;
  const ConnectionSecurity& security() const { return security_; }

  bool broken() const { return broken_; }
  void set_broken() { broken_ = true; }

  // One statement at a time; false if another one is open.
  bool Occupy() { return !occupied_.exchange(true); }
  void Vacate() { occupied_ = false; }

  // Runs a call of the driver that may take long, so that Cancel finds it.
  template <typename Call>
  SQLRETURN Run(SQLHANDLE statement, Call&& call) {
    SetRunning(statement);
    const SQLRETURN result = call();
    SetRunning(nullptr);
    return result;
  }
  // Any thread; does not wait for the server, which may be silent.
  void Cancel();
  bool cancelled() const { return cancelled_; }
  void ClearCancelled() { cancelled_ = false; }

  // OK for SQL_SUCCESS, and for SQL_SUCCESS_WITH_INFO that harmless records explain.
  arrow::Status Check(SQLRETURN result, SQLHANDLE statement, std::string_view doing);
  // The error that a failed call left on a statement; marks the connection broken if it is.
  arrow::Status Fail(SQLHANDLE statement, std::string_view doing);
  // An error of our own judgement: this result cannot be trusted.
  arrow::Status Distrust(std::string_view doing, std::string_view why);

  // For an error that looks permanent, with no statement open: is the connection still there? Both
  // drivers tell nothing of an error's severity (or FreeTDS does not), and from 20 on the server
  // hangs up.
  arrow::Status Confirm(arrow::Status error);

 private:
  void SetRunning(SQLHANDLE statement);
  void BreakOff(int64_t call);
  arrow::Status LogIn(const ConnectOptions& options, const Encryption& encryption);
  arrow::Status CheckWordsKnown(const ConnectOptions& options);
  arrow::Status Configure();
  bool Alive();

  // In this order: freed from below.
  Environment environment_;
  ConnectionHandle connection_;
  ChosenDriver driver_;
  ConnectionSecurity security_;
  std::chrono::seconds query_timeout_{};
  std::atomic<bool> broken_ = false;
  std::atomic<bool> occupied_ = false;
  std::atomic<bool> cancelled_ = false;
  Mutex running_mutex_;
  CondVar running_changed_;
  SQLHANDLE running_ GUARDED_BY(running_mutex_) = nullptr;
  int64_t calls_ GUARDED_BY(running_mutex_) = 0;  // which call it is
  Mutex canceller_mutex_;
  std::thread canceller_ GUARDED_BY(canceller_mutex_);
  std::atomic<bool> cancelling_ = false;
};

}  // namespace cdc::odbc

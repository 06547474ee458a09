#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "app/health_watch.h"
#include "base/clock.h"
#include "base/events.h"
#include "config/config.h"
#include "progress/observer.h"
#include "status/board.h"
#include "status/server.h"
#include "status/terminal.h"

namespace cdc::app {

// What a run tells of itself: the board, fed by what capture and the log report, and whoever shows
// it (the listener of [run] listen). While it lives, log events pass through it. Called from any
// thread; nothing blocks.
class Telemetry {
 public:
  // Invalid: [run] listen cannot be used; that is wrong configuration (exit code 2).
  static arrow::Result<std::unique_ptr<Telemetry>> Start(const config::Config& config,
                                                         const Clock& clock = Clock::System());
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  // Whom the rounds tell of their work.
  progress::Observer& observer() { return board_; }
  void OnHealth(const HealthReport& report);
  // The database as the server spells it.
  void OnDatabase(const std::string& name);

  // Ends live progress, if there is any, with one line of what was done; what is printed later
  // stands below it.
  void EndProgress();

  // What it shows at a path.
  status::Page Page(const std::string& path) const { return pages_(path); }
  // Where it listens; 0: it does not.
  int port() const { return server_ ? server_->port() : 0; }

 private:
  Telemetry(const config::Config& config, const Clock& clock);
  void OnEvent(const Event& event);

  const Clock& clock_;
  status::Board board_;
  const status::Pages pages_;
  std::unique_ptr<status::Server> server_;
  std::unique_ptr<status::Terminal> terminal_;
};

}  // namespace cdc::app

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/lsn.h"

// What the program tells of its work while it works: to a person at a terminal, to metrics, to a
// page. Called from the thread that runs the rounds; an implementation must not block.
namespace cdc::capture {

enum class TableCondition {
  kNew,       // nothing is known of it yet in this run
  kComplete,  // delivered up to the horizon of the last round
  kBehind,    // has more; its turn comes
  kWaiting,   // has changes that are younger than object_age
  kRetrying,  // an error that goes away by itself
  kStopped,   // somebody must act
  kLeftOut,   // in the state, but no setting selects it any more
};

struct TableProgress {
  std::string name;  // schema.name
  TableCondition condition = TableCondition::kNew;
  std::string why;      // kRetrying, kStopped
  bool in_cut = false;  // counts for complete_through
  // Delivered since the program started.
  int64_t objects = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::map<std::string, int64_t> altered_values;   // by column, only where not 0
  std::map<std::string, std::string> altered_how;  // the same columns: what was lost, what keeps it
  std::string last_key;                            // of the last claimed object, ever
  std::optional<UtcTime> last_object_at;           // in this run
  std::optional<UtcTime> last_commit;  // commit time of the newest delivered row, in this run
  int64_t gaps = 0;                    // accepted ones in the state
  bool operator==(const TableProgress&) const = default;
};

struct RoundProgress {
  UtcTime at;  // of this report
  // Commit time (UTC) of the horizon; nothing where the server does not tell.
  std::optional<UtcTime> horizon_time;
  Lsn horizon;
  Lsn complete_through;
  int64_t held_back = 0;  // tables of the cut that are behind
  int64_t tables = 0;
  int64_t changed = 0;  // tables that had rows in this round
  int64_t swaps = 0;    // of the state document, since the program started
  bool ended = false;   // a round ended; else one is under way
  std::chrono::milliseconds took{0};
};

enum class Role { kStarting, kStandby, kOwner };

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnRole(Role /*role*/, const std::string& /*owner: who, for people*/) {}
  // At the beginning and the end of a round.
  virtual void OnRound(const RoundProgress& /*round*/) {}
  // Whenever something of the table changed; of every table after the first round.
  virtual void OnTable(const TableProgress& /*table*/) {}
  virtual void OnTableGone(const std::string& /*name*/) {}
};

}  // namespace cdc::capture

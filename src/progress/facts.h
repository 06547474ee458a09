#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/lsn.h"

// What the program knows of its work while it works: plain values, told by whoever does it and
// shown to a person at a terminal, in metrics and on a page.
namespace cdc::progress {

enum class Condition {
  kNew,       // nothing is known of the table yet in this run
  kComplete,  // delivered up to the horizon of the last round
  kBehind,    // has more; its turn comes
  kWaiting,   // has changes that are younger than object_age
  kRetrying,  // an error that goes away by itself
  kStopped,   // somebody must act
  kLeftOut,   // in the state, but no setting selects it any more
};
inline constexpr std::array kConditions = {
    Condition::kStopped, Condition::kRetrying, Condition::kBehind, Condition::kWaiting,
    Condition::kNew,     Condition::kComplete, Condition::kLeftOut};  // the most urgent first
std::string_view ConditionName(Condition condition);                  // complete, left_out, …

enum class Role { kStarting, kStandby, kOwner };
std::string_view RoleName(Role role);

struct TableFacts {
  std::string name;        // schema.name, of its entry
  std::string name_today;  // as the server calls it, where that is another one
  Condition condition = Condition::kNew;
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
  bool operator==(const TableFacts&) const = default;
};

struct RoundFacts {
  UtcTime at;  // of this report
  // Commit time (UTC) of the horizon; nothing where the server does not tell.
  std::optional<UtcTime> horizon_time;
  Lsn horizon;
  Lsn complete_through;
  int64_t held_back = 0;  // tables of the consistent cut that are behind
  int64_t tables = 0;
  int64_t changed = 0;  // tables that had rows in this round
  int64_t swaps = 0;    // of the state document, since the program started
  bool ended = false;   // a round ended; else one is under way
  std::chrono::milliseconds took{0};
};

// The server's side: what its capture and cleanup jobs do.
struct Health {
  UtcTime at;                                 // when it was measured
  std::optional<double> capture_lag_seconds;  // from a commit to its rows in the change tables
  std::optional<bool> capture_stopped;        // nothing: that cannot be seen
  std::string capture_why;                    // what is wrong with the capture job; what helps
  std::optional<double> retention_seconds;    // how long change rows are kept
  // By schema.name: seconds until cleanup reaches rows that were not read yet.
  std::map<std::string, double> headroom_seconds;
};

}  // namespace cdc::progress

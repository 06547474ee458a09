#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "progress/facts.h"
#include "progress/observer.h"
#include "status/history.h"

namespace cdc::status {

// What the board shows is what it is told.
using progress::Condition;
using progress::ConditionName;
using progress::Health;
using progress::kConditions;
using progress::Role;
using progress::RoleName;
using progress::RoundFacts;
using progress::TableFacts;

// Who runs, where from and where to; for people, never a secret.
struct Identity {
  std::string version;
  std::string host;  // of SQL Server, as it is set
  std::string database;
  std::string target;  // URL
  std::string group;
  std::chrono::milliseconds interval{0};
};

// Something of level warn or above that happened.
struct Trouble {
  UtcTime at;
  bool is_error = false;
  std::string text;  // the event with its fields
};

// One table as it stands. Seconds count to the moment of the snapshot.
struct TableView : TableFacts {
  // Nothing of the table's changes up to this commit time is missing in the target.
  std::optional<UtcTime> complete_time;
  std::optional<double> lag_seconds;       // now − complete_time
  std::optional<double> headroom_seconds;  // until cleanup reaches rows that were not read
};

struct RoundDurations {
  static constexpr std::array kBounds = {0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0};
  std::array<int64_t, kBounds.size()> at_most{};  // rounds that took no longer, cumulative
  int64_t count = 0;
  double sum_seconds = 0;
};

// The whole picture at one moment.
struct Snapshot {
  Identity identity;
  UtcTime now;
  UtcTime started_at;
  Role role = Role::kStarting;
  UtcTime role_since;
  std::string owner;  // who, for people
  RoundFacts round;   // of the last report; all zero before the first
  std::optional<UtcTime> round_ended_at;
  RoundDurations durations;
  std::chrono::milliseconds last_round_took{0};
  std::optional<UtcTime> last_object_at;
  std::string last_key;                  // of that object
  std::optional<UtcTime> complete_time;  // commit time up to which all tables are complete
  std::optional<double> lag_seconds;     // now − complete_time
  // What we have not delivered of what the server has: its newest commit − complete_time. 0 when
  // everything that was there at the last round is delivered. While no table has caught up yet, of
  // the one that is furthest behind.
  std::optional<double> behind_seconds;
  std::optional<std::chrono::seconds> time_left;  // of the backlog; nothing: none, or unknown
  double rows_per_second = 0;
  // Since the program started, tables that are gone included.
  int64_t rows = 0;
  int64_t objects = 0;
  int64_t bytes = 0;
  int64_t altered_values = 0;
  std::map<Condition, int64_t> conditions;  // number of tables in each; all seven are there
  std::vector<TableView> tables;            // by name
  std::optional<Health> health;
  std::deque<Trouble> troubles;  // the newest last
  int64_t warnings = 0;
  int64_t errors = 0;
  std::vector<History::Point> history;  // of the last hour, the oldest first
};

// What the program knows of itself. Everything may be called from any thread; nothing blocks longer
// than copying the picture takes (1,000 tables: about a millisecond).
class Board : public progress::Observer {
 public:
  static constexpr size_t kHistoryPoints = 120;  // 30 s each
  static constexpr size_t kTroublesMax = 20;

  Board(Identity identity, const Clock& clock);

  // The database as the server spells it, once that is known.
  void SetDatabase(const std::string& name);
  void OnRole(Role role, const std::string& owner) override;
  void OnRound(const RoundFacts& round) override;
  void OnTable(const TableFacts& table) override;
  void OnTableGone(const std::string& name) override;
  void SetHealth(const Health& health);
  void AddTrouble(const Trouble& trouble);

  Snapshot Take();

 private:
  struct Entry {
    TableFacts facts;
    std::optional<UtcTime> complete_time;
  };

  void EndRound(const RoundFacts& round) REQUIRES(mutex_);
  std::optional<UtcTime> CompleteTime() const REQUIRES(mutex_);
  std::optional<double> Behind() const REQUIRES(mutex_);
  // Seconds of every table that is behind, summed; 0 if none is.
  std::optional<double> Backlog() const REQUIRES(mutex_);
  void NoteBehind(std::chrono::nanoseconds now) REQUIRES(mutex_);
  void Summarize(Snapshot* made) const REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  Identity identity_ GUARDED_BY(mutex_);
  UtcTime started_at_ GUARDED_BY(mutex_);
  Role role_ GUARDED_BY(mutex_) = Role::kStarting;
  UtcTime role_since_ GUARDED_BY(mutex_);
  std::string owner_ GUARDED_BY(mutex_);
  RoundFacts round_ GUARDED_BY(mutex_);
  std::optional<UtcTime> round_ended_at_ GUARDED_BY(mutex_);
  RoundDurations durations_ GUARDED_BY(mutex_);
  std::chrono::milliseconds last_round_took_ GUARDED_BY(mutex_){0};
  std::optional<UtcTime> whole_through_
      GUARDED_BY(mutex_);  // commit time of complete_through, where we saw it made
  std::map<std::string, Entry> tables_ GUARDED_BY(mutex_);
  int64_t rows_ GUARDED_BY(mutex_) = 0;
  int64_t objects_ GUARDED_BY(mutex_) = 0;
  int64_t bytes_ GUARDED_BY(mutex_) = 0;
  int64_t altered_values_ GUARDED_BY(mutex_) = 0;
  std::optional<UtcTime> last_object_at_ GUARDED_BY(mutex_);
  std::string last_key_ GUARDED_BY(mutex_);
  std::optional<Health> health_ GUARDED_BY(mutex_);
  std::deque<Trouble> troubles_ GUARDED_BY(mutex_);
  int64_t warnings_ GUARDED_BY(mutex_) = 0;
  int64_t errors_ GUARDED_BY(mutex_) = 0;
  History history_ GUARDED_BY(mutex_);
  std::chrono::nanoseconds behind_noted_at_ GUARDED_BY(mutex_){0};
};

}  // namespace cdc::status

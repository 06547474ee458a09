#include "status/board.h"

#include <algorithm>
#include <utility>

namespace cdc::status {

namespace {

double SecondsBetween(UtcTime from, UtcTime to) {
  // The server's clock may be ahead of ours.
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

void Raise(std::optional<UtcTime>* time, const std::optional<UtcTime>& to) {
  if (to && (!*time || **time < *to)) *time = to;
}

// What was added to a counter; one that fell began anew.
int64_t Added(int64_t before, int64_t now) { return now >= before ? now - before : now; }

int64_t Sum(const std::map<std::string, int64_t>& counts) {
  int64_t sum = 0;
  for (const auto& [column, count] : counts) sum += count;
  return sum;
}

}  // namespace

Board::Board(Identity identity, const Clock& clock)
    : clock_(clock),
      identity_(std::move(identity)),
      started_at_(clock.UtcNow()),
      role_since_(started_at_) {}

void Board::SetDatabase(const std::string& name) {
  const MutexLock lock(mutex_);
  identity_.database = name;
}

void Board::OnRole(Role role, const std::string& owner) {
  const MutexLock lock(mutex_);
  if (role != role_) role_since_ = clock_.UtcNow();
  role_ = role;
  owner_ = owner;
}

void Board::OnRound(const RoundFacts& round) {
  const MutexLock lock(mutex_);
  round_ = round;
  if (round.ended) EndRound(round);
  NoteBehind(clock_.MonotonicNow());
}

void Board::EndRound(const RoundFacts& round) {
  round_ended_at_ = clock_.UtcNow();
  last_round_took_ = round.took;
  const double took = std::chrono::duration<double>(round.took).count();
  ++durations_.count;
  durations_.sum_seconds += took;
  for (size_t i = 0; i < durations_.at_most.size(); ++i) {
    if (took <= RoundDurations::kBounds[i]) ++durations_.at_most[i];
  }
  for (auto& [name, entry] : tables_) {
    if (entry.facts.condition == Condition::kComplete) {
      Raise(&entry.complete_time, round.horizon_time);
    }
  }
  if (round.complete_through == round.horizon) Raise(&whole_through_, round.horizon_time);
}

void Board::OnTable(const TableFacts& table) {
  const MutexLock lock(mutex_);
  Entry& entry = tables_[table.name];
  const int64_t rows = Added(entry.facts.rows, table.rows);
  rows_ += rows;
  objects_ += Added(entry.facts.objects, table.objects);
  bytes_ += Added(entry.facts.bytes, table.bytes);
  altered_values_ += Added(Sum(entry.facts.altered_values), Sum(table.altered_values));
  Raise(&entry.complete_time, table.last_commit);
  if (table.last_object_at && (!last_object_at_ || *last_object_at_ <= *table.last_object_at)) {
    last_object_at_ = table.last_object_at;
    last_key_ = table.last_key;
  }
  entry.facts = table;
  const auto now = clock_.MonotonicNow();
  history_.AddRows(now, rows);
  // It looks at every table, so not for every table of a thousand.
  if (now - behind_noted_at_ >= std::chrono::seconds(1)) NoteBehind(now);
}

void Board::OnTableGone(const std::string& name) {
  const MutexLock lock(mutex_);
  tables_.erase(name);
}

void Board::SetHealth(const Health& health) {
  const MutexLock lock(mutex_);
  health_ = health;
}

void Board::AddTrouble(const Trouble& trouble) {
  const MutexLock lock(mutex_);
  ++(trouble.is_error ? errors_ : warnings_);
  troubles_.push_back(trouble);
  if (troubles_.size() > kTroublesMax) troubles_.pop_front();
}

std::optional<UtcTime> Board::CompleteTime() const {
  std::optional<UtcTime> least;
  for (const auto& [name, entry] : tables_) {
    if (!entry.facts.in_cut) continue;
    if (!entry.complete_time) return whole_through_;
    if (!least || *entry.complete_time < *least) least = entry.complete_time;
  }
  Raise(&least, whole_through_);
  return least;
}

std::optional<double> Board::Behind() const {
  if (!round_.horizon_time) return std::nullopt;
  if (const auto complete = CompleteTime()) return SecondsBetween(*complete, *round_.horizon_time);
  // Nothing is in the consistent cut yet: the worst of the tables that are on their way to it.
  std::optional<double> worst;
  for (const auto& [name, entry] : tables_) {
    if (entry.facts.condition != Condition::kBehind || !entry.complete_time) continue;
    worst = std::max(worst.value_or(0), SecondsBetween(*entry.complete_time, *round_.horizon_time));
  }
  return worst;
}

std::optional<double> Board::Backlog() const {
  if (!round_.horizon_time) return std::nullopt;
  std::optional<UtcTime> oldest;  // stands in for the position of tables that gave nothing yet
  for (const auto& [name, entry] : tables_) {
    const auto& at = entry.complete_time;
    if (at && (!oldest || *at < *oldest)) oldest = at;
  }
  double seconds = 0;
  for (const auto& [name, entry] : tables_) {
    if (entry.facts.condition != Condition::kBehind) continue;
    if (!oldest) return std::nullopt;
    seconds += SecondsBetween(entry.complete_time.value_or(*oldest), *round_.horizon_time);
  }
  return seconds;
}

void Board::NoteBehind(std::chrono::nanoseconds now) {
  behind_noted_at_ = now;
  history_.SetBehind(now, Behind(), Backlog());
}

void Board::Summarize(Snapshot* made) const {
  for (const Condition condition : kConditions) made->conditions[condition] = 0;
  made->tables.reserve(tables_.size());
  for (const auto& [name, entry] : tables_) {
    ++made->conditions[entry.facts.condition];
    TableView view{entry.facts, entry.complete_time, std::nullopt, std::nullopt};
    if (view.complete_time) view.lag_seconds = SecondsBetween(*view.complete_time, made->now);
    if (health_) {
      const auto headroom = health_->headroom_seconds.find(name);
      if (headroom != health_->headroom_seconds.end()) view.headroom_seconds = headroom->second;
    }
    made->tables.push_back(std::move(view));
  }
}

Snapshot Board::Take() {
  const MutexLock lock(mutex_);
  const auto monotonic = clock_.MonotonicNow();
  NoteBehind(monotonic);
  Snapshot made;
  made.identity = identity_;
  made.now = clock_.UtcNow();
  made.started_at = started_at_;
  made.role = role_;
  made.role_since = role_since_;
  made.owner = owner_;
  made.round = round_;
  made.round_ended_at = round_ended_at_;
  made.durations = durations_;
  made.last_round_took = last_round_took_;
  made.last_object_at = last_object_at_;
  made.last_key = last_key_;
  made.complete_time = CompleteTime();
  if (made.complete_time) made.lag_seconds = SecondsBetween(*made.complete_time, made.now);
  made.behind_seconds = Behind();
  made.time_left = history_.TimeLeft(monotonic);
  made.rows_per_second = history_.RowsPerSecond(monotonic);
  made.rows = rows_;
  made.objects = objects_;
  made.bytes = bytes_;
  made.altered_values = altered_values_;
  made.health = health_;
  made.troubles = troubles_;
  made.warnings = warnings_;
  made.errors = errors_;
  made.history = history_.Points(monotonic, kHistoryPoints);
  Summarize(&made);
  return made;
}

}  // namespace cdc::status

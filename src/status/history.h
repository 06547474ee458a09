#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace cdc::status {

// The last hour in slices of five seconds: rows that were delivered, and how far behind we were.
// A ring of fixed size (about 12 KB). Times are monotonic, since any fixed moment, and may not go
// back; slices in which nobody said anything keep what was last known. Not thread-safe.
class History {
 public:
  static constexpr std::chrono::seconds kSlice{5};
  static constexpr size_t kSlices = 720;

  // One point of a chart: the mean of some slices. Nothing where nothing was known.
  struct Point {
    std::optional<double> rows_per_second;
    std::optional<double> behind_seconds;
  };

  void AddRows(std::chrono::nanoseconds now, int64_t rows);
  // `behind`: seconds between the newest change that the server has and the newest below which
  // nothing is missing. `backlog`: the same summed over the tables that are behind.
  void SetBehind(std::chrono::nanoseconds now, std::optional<double> behind,
                 std::optional<double> backlog);

  // Mean of the last 30 seconds, or of the time since the first word if that is shorter.
  double RowsPerSecond(std::chrono::nanoseconds now);
  // How long the backlog takes at the pace at which it shrank within the last five minutes.
  // Nothing while it does not shrink, or has not been watched for ten seconds.
  std::optional<std::chrono::seconds> TimeLeft(std::chrono::nanoseconds now);
  // The oldest first; `points` divides kSlices.
  std::vector<Point> Points(std::chrono::nanoseconds now, size_t points);

 private:
  struct Slice {
    float rows = 0;
    float behind = kUnknown;
    float backlog = kUnknown;
    bool lived = false;  // the program ran in it
  };
  static constexpr float kUnknown = -1;

  // The slice of `now`, after all between the last one and it have been filled.
  Slice& Advance(std::chrono::nanoseconds now);
  const Slice& Back(size_t slices) const;  // 0: the newest

  std::array<Slice, kSlices> ring_{};
  int64_t newest_ = -1;  // number of the newest slice since the fixed moment
  int64_t first_ = -1;
};

}  // namespace cdc::status

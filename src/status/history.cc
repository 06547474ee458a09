#include "status/history.h"

#include <algorithm>

namespace cdc::status {

namespace {

constexpr size_t kRateSlices = 6;       // 30 s
constexpr size_t kPaceSlices = 60;      // 5 min
constexpr size_t kPaceSlicesLeast = 2;  // 10 s

}  // namespace

History::Slice& History::Advance(std::chrono::nanoseconds now) {
  const int64_t number = std::max(newest_, now / kSlice);
  if (newest_ < 0) first_ = number;
  const int64_t begin =
      newest_ < 0 ? number : std::max(newest_ + 1, number - static_cast<int64_t>(kSlices) + 1);
  const Slice last = newest_ < 0 ? Slice{} : Back(0);
  for (int64_t i = begin; i <= number; ++i) {
    ring_[static_cast<size_t>(i) % kSlices] = {0, last.behind, last.backlog, true};
  }
  newest_ = number;
  return ring_[static_cast<size_t>(newest_) % kSlices];
}

const History::Slice& History::Back(size_t slices) const {
  return ring_[(static_cast<size_t>(newest_) + kSlices - slices) % kSlices];
}

void History::AddRows(std::chrono::nanoseconds now, int64_t rows) {
  Advance(now).rows += static_cast<float>(rows);
}

void History::SetBehind(std::chrono::nanoseconds now, std::optional<double> behind,
                        std::optional<double> backlog) {
  Slice& slice = Advance(now);
  slice.behind = behind ? static_cast<float>(*behind) : kUnknown;
  slice.backlog = backlog ? static_cast<float>(*backlog) : kUnknown;
}

double History::RowsPerSecond(std::chrono::nanoseconds now) {
  Advance(now);
  const auto lived = static_cast<size_t>(newest_ - first_) + 1;
  const size_t slices = std::min(kRateSlices, lived);
  double rows = 0;
  for (size_t i = 0; i < slices; ++i) rows += static_cast<double>(Back(i).rows);
  // The newest slice is not over yet.
  const std::chrono::duration<double> of_newest = now - newest_ * kSlice;
  const double seconds =
      static_cast<double>((slices - 1) * static_cast<size_t>(kSlice.count())) + of_newest.count();
  return rows / std::max(seconds, 1.0);
}

std::optional<std::chrono::seconds> History::TimeLeft(std::chrono::nanoseconds now) {
  const Slice newest = Advance(now);
  if (newest.backlog <= 0) return std::nullopt;
  size_t back = 0;
  const size_t most = std::min(kPaceSlices, static_cast<size_t>(newest_ - first_));
  while (back < most && Back(back + 1).backlog > 0) ++back;
  if (back < kPaceSlicesLeast) return std::nullopt;
  const double shrunk = static_cast<double>(Back(back).backlog - newest.backlog);
  if (shrunk <= 0) return std::nullopt;
  const double seconds = static_cast<double>(back) * static_cast<double>(kSlice.count());
  const double left = static_cast<double>(newest.backlog) / shrunk * seconds;
  constexpr double kForeseeable = 86'400.0 * 30;  // beyond, the pace says nothing
  if (left > kForeseeable) return std::nullopt;
  return std::chrono::seconds(static_cast<int64_t>(left + 0.5));
}

std::vector<History::Point> History::Points(std::chrono::nanoseconds now, size_t points) {
  Advance(now);
  const size_t slices_each = kSlices / points;
  std::vector<Point> made(points);
  for (size_t i = 0; i < points; ++i) {
    double rows = 0;
    double behind = 0;
    size_t lived = 0;
    size_t known = 0;
    for (size_t j = 0; j < slices_each; ++j) {
      const Slice& slice = Back(kSlices - 1 - (i * slices_each + j));
      if (!slice.lived) continue;
      ++lived;
      rows += static_cast<double>(slice.rows);
      if (slice.behind < 0) continue;
      ++known;
      behind += static_cast<double>(slice.behind);
    }
    const auto mean = [](double sum, size_t of) { return sum / static_cast<double>(of); };
    if (lived > 0) {
      made[i].rows_per_second = mean(rows, lived) / static_cast<double>(kSlice.count());
    }
    if (known > 0) made[i].behind_seconds = mean(behind, known);
  }
  return made;
}

}  // namespace cdc::status

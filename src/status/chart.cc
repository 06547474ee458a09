#include "status/chart.h"

#include <fmt/format.h>

#include <algorithm>

#include "status/words.h"

namespace cdc::status {

namespace {

constexpr double kWidth = 600;
constexpr double kHeight = 100;

double Highest(const Chart& chart) {
  double highest = 0;
  for (const auto& point : chart.points) highest = std::max(highest, point.value_or(0));
  return highest;
}

struct Paths {
  std::string line;
  std::string area;
};

// A run of known points is one stroke; its area goes down to the axis.
Paths Trace(const Chart& chart, double highest) {
  Paths paths;
  const double step = kWidth / static_cast<double>(std::max<size_t>(1, chart.points.size() - 1));
  bool drawing = false;
  double x = 0;
  for (size_t i = 0; i < chart.points.size(); ++i) {
    if (!chart.points[i]) {
      if (drawing) paths.area += fmt::format("V{}Z", kHeight);
      drawing = false;
      continue;
    }
    x = static_cast<double>(i) * step;
    // A blank margin on top, so that the line of the highest value is not cut.
    const double y = kHeight - *chart.points[i] / highest * (kHeight - 4);
    // A run begins a step early, so that a single point is a stroke and not invisible.
    const double begin = std::max(0.0, x - step);
    if (!drawing) {
      paths.line += fmt::format("M{:.1f} {:.1f}", begin, y);
      paths.area += fmt::format("M{:.1f} {}V{:.1f}", begin, kHeight, y);
    }
    const std::string to = fmt::format("L{:.1f} {:.1f}", x, y);
    paths.line += to;
    paths.area += to;
    drawing = true;
  }
  if (drawing) paths.area += fmt::format("V{}Z", kHeight);
  return paths;
}

}  // namespace

std::string Draw(const Chart& chart, const std::string& since) {
  const double highest = Highest(chart);
  const Paths paths = Trace(chart, highest > 0 ? highest : 1);
  return fmt::format(
      "<figure><h2>{0}</h2><figcaption><span>highest {1}</span><span>now {2}</span></figcaption>"
      "<svg class=\"plot\" viewBox=\"0 0 {3} {4}\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"{0}: now {2}, highest {1}\"><path class=\"area\" d=\"{5}\"/>"
      "<path class=\"line\" d=\"{6}\"/></svg>"
      "<figcaption><span>{7}</span><span>now</span></figcaption></figure>",
      EscapeHtml(chart.title), EscapeHtml(chart.figure(highest)), EscapeHtml(chart.now), kWidth,
      kHeight, paths.area, paths.line, EscapeHtml(since));
}

std::string DrawBar(double share, const std::string& tone) {
  return fmt::format(
      "<svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      "<rect class=\"bar\" width=\"100\" height=\"8\" rx=\"2\"/>"
      "<rect class=\"bar-{}\" width=\"{:.1f}\" height=\"8\" rx=\"2\"/></svg>",
      tone, std::clamp(share, 0.0, 1.0) * 100);
}

}  // namespace cdc::status

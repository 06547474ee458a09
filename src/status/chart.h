#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "status/history.h"

// Small charts as HTML with inline SVG.
namespace cdc::status {

struct Chart {
  std::string title;                          // plain text
  std::string now;                            // the value of now, as text
  std::function<std::string(double)> figure;  // a value as text, for the axis
  std::vector<std::optional<double>> points;  // the oldest first; nothing: a hole in the line
};

// A <figure> with the line, its highest value, and how far back it goes.
std::string Draw(const Chart& chart, const std::string& since);

// A bar that is filled from the left; `share` of 1 is full. `tone`: good, warn, bad.
std::string DrawBar(double share, const std::string& tone);

}  // namespace cdc::status

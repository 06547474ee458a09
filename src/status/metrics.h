#pragma once

#include <string>

#include "status/board.h"

namespace cdc::status {

inline constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

// What /metrics says. Seconds and bytes; times are Unix times; what is not known is left out.
std::string Metrics(const Snapshot& board);

}  // namespace cdc::status

#pragma once

#include <string>

#include "status/board.h"
#include "status/server.h"

namespace cdc::status {

// The status page: one HTML document that needs nothing else, with script and style under a policy
// that lets nothing else run. Every name in it is escaped.
Page StatusPage(const Snapshot& board);

// The same as JSON, for programs: times as text in UTC, durations in seconds, null: not known.
std::string StatusJson(const Snapshot& board);

}  // namespace cdc::status

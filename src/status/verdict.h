#pragma once

#include <string>

#include "status/board.h"

namespace cdc::status {

// Whether a supervisor should let the program be: an owner that makes progress, or a standby. A
// table that needs somebody does not count against it: a restart would not help.
struct Verdict {
  bool healthy = false;
  std::string reason;  // for people
  std::string json;    // one line, with the reason and the tables in trouble
};

// Progress is a round that ended, or an object that was delivered, within three intervals or a
// minute, whichever is longer.
Verdict Judge(const Snapshot& board);

}  // namespace cdc::status

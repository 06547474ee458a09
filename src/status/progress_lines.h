#pragma once

#include <string>
#include <vector>

#include "status/board.h"

namespace cdc::status {

struct Look {
  size_t columns = 80;  // of the terminal
  bool colours = true;
};

// The live picture for a terminal: a few lines, none wider than the terminal.
std::vector<std::string> ProgressLines(const Snapshot& board, const Look& look);

// What a run did, in one sentence.
std::string Summary(const Snapshot& board);

}  // namespace cdc::status

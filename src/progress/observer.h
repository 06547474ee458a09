#pragma once

#include <string>

#include "progress/facts.h"

namespace cdc::progress {

// Whoever is told of the work. Called from the thread that runs the rounds; an implementation must
// not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnRole(Role /*role*/, const std::string& /*owner: who, for people*/) {}
  // At the beginning and the end of a round.
  virtual void OnRound(const RoundFacts& /*round*/) {}
  // Whenever something of the table changed; of every table after the first round.
  virtual void OnTable(const TableFacts& /*table*/) {}
  virtual void OnTableGone(const std::string& /*name*/) {}
};

}  // namespace cdc::progress

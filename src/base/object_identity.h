#pragma once

#include <cstdint>
#include <string>

#include "base/position.h"

namespace cdc {

// Which rows an object of a table holds and where it stands in the table's row of objects: a claim
// promises it, the object's footer and user metadata say it.
struct ObjectIdentity {
  int64_t sequence = 0;      // from 1, in this table
  std::string previous_key;  // "" for the table's first object
  Position from;             // exclusive
  Position to;               // inclusive
  int64_t rows = 0;
  std::string checksum;  // RowChecksum
  // Its window could not be read whole any more when it was delivered.
  bool incomplete = false;
  bool operator==(const ObjectIdentity&) const = default;
};

}  // namespace cdc

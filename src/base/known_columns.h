#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/position.h"

namespace cdc {

// How a captured column was delivered. It is the same column while its column_id is, whatever it is
// called.
struct KnownColumn {
  int64_t column_id = 0;
  std::string name;
  std::string delivered;                        // one of the words below
  std::vector<std::string> earlier_names = {};  // that it had before, its last one last
  bool operator==(const KnownColumn&) const = default;
};
inline constexpr char kClear[] = "clear", kMasked[] = "masked", kLeftOut[] = "left_out";
using KnownColumns = std::vector<KnownColumn>;  // by column_id

// A source table that had an entry before another one followed it there.
struct EarlierTable {
  int64_t source_object_id = 0;
  Position through;  // its rows up to here are in the entry's folder, or in a gap
  KnownColumns columns;
  bool operator==(const EarlierTable&) const = default;
};

}  // namespace cdc

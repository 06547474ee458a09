#pragma once

#include <string>

#include "columns/column.h"

namespace cdc::columns {

// What values of a column lose when they are counted as altered, for people.
struct Alteration {
  std::string lost;   // "the 7th fractional digit"
  std::string keeps;  // what keeps it: the option, or that nothing does
  bool operator==(const Alteration&) const = default;
};

// By the column's type and options.
Alteration AlterationOf(const SourceColumn& column);

}  // namespace cdc::columns

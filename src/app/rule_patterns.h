#pragma once

#include <arrow/result.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "source/source.h"

// Patterns of [table."…"] that fit nothing: probably misspelt, and what they were to keep back, or
// to mask, is delivered as it is.
namespace cdc::app {

struct IdlePattern {
  std::string setting;  // table."Person.*".column."Emial*"
  std::string pattern;  // "Emial*"
  std::string why;      // with the place in the file
};

// Asks the source for the names of all captured columns, where a rule names columns.
arrow::Result<std::vector<IdlePattern>> IdlePatterns(
    source::Source& source, const config::Types& types,
    const std::vector<source::CaptureInstance>& instances);

}  // namespace cdc::app

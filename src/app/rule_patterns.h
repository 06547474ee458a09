#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source/source.h"
#include "state/document.h"

// What of [table."…"] has no effect: patterns that fit nothing are probably misspelt, and what they
// were to keep back, or to mask, is delivered as it is; an option may be for another type.
namespace cdc::app {

struct IdleSetting {
  bool fits_nothing =
      false;            // a pattern; else an option of columns whose types have no such choice
  std::string setting;  // table."Person.*".column."Emial*"
  std::string value;    // the pattern: Emial*, or the option's word: wkb
  std::string why;      // with the place in the file

  // "the pattern Emial* fits nothing: …"
  std::string Text() const;
};

// Asks the source for all captured columns, where a rule names columns. `document`: tables with an
// entry go by its name.
arrow::Result<std::vector<IdleSetting>> IdleSettings(
    source::Source& source, const config::Types& types,
    const std::vector<source::CaptureInstance>& instances,
    const std::optional<state::Document>& document);

}  // namespace cdc::app

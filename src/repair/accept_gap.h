#pragma once

#include <arrow/result.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

// What an operator does about gaps: sees which ranges keep tables from being read, and accepts
// them.
namespace cdc::repair {

// Changes that can no longer be read, as the server shows it now.
struct OpenGap {
  enum class Kind {
    kRetention,    // cleanup has passed the table's resume position
    kNewInstance,  // the capture instance was dropped and made anew
    kClaim,        // cleanup took rows that were claimed for an object and not yet delivered
  };
  std::string table;  // schema.name
  Kind kind = Kind::kRetention;
  Position from;  // exclusive
  Position to;    // inclusive
  std::string why;
  // kNewInstance: what the table is read from behind the gap.
  std::optional<source::CaptureInstance> next;
  bool next_helps_out = false;  // as in rules::InstanceChoice
};

struct GapReport {
  std::vector<OpenGap> gaps;  // by table; of one table in order
  // Tables that cannot be judged, or that accepting would not help: why, and what helps.
  std::map<std::string, std::string> refused;
  source::Horizon horizon;  // of the judgement

  bool HasGap(const std::string& table) const;
};

// Judges the document's tables against the server. Changes nothing. `tables`: of the document; the
// others are left out. An error when nothing can be judged: the server is another one, lags, or its
// database was restored.
arrow::Result<GapReport> JudgeGaps(const rules::Settings& options, source::Source& source,
                                   store::Store& data, const state::Document& document,
                                   const std::vector<std::string>& tables);

// Takes the document over, judges the tables again, records their gaps in one swap that gives the
// document up at once, and returns what was recorded. Whoever owned it before loses it and may take
// over again. Nothing is recorded after an error.
arrow::Result<GapReport> AcceptGaps(const rules::Settings& options, source::Source& source,
                                    store::Store& data, store::Store& state_store,
                                    const Clock& clock, const std::vector<std::string>& tables);

}  // namespace cdc::repair

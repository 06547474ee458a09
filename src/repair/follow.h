#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rules/gap.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

// What an operator does about a name under which another source table is captured now: lets that
// one go on in the folder of the earlier one.
namespace cdc::repair {

struct Replacement {
  std::string table;             // the entry's name
  std::string name_today;        // of the earlier table; "" where it is gone or has its name still
  std::string instance;          // what the other table is read from
  int64_t earlier_id = 0;        // source_object_id
  int64_t follower_id = 0;       // the same
  bool earlier_is_gone = false;  // with its change rows; else they are delivered first
  std::optional<rules::Range> lost = {};  // of a table that is gone
  bool allowed = false;                   // already, by a setting or an earlier call
};

// The replaced ones of `tables` (of the document). Changes nothing. An error when nothing can be
// judged.
arrow::Result<std::vector<Replacement>> FindReplacements(const rules::Settings& settings,
                                                         source::Source& source,
                                                         const state::Document& document,
                                                         const std::vector<std::string>& tables);

// Takes the document over, looks again, and writes down in one swap, which gives the document up,
// that the other tables may go on; a run then delivers what the earlier ones have, and goes on.
arrow::Result<std::vector<Replacement>> AllowFollowers(const rules::Settings& settings,
                                                       source::Source& source,
                                                       store::Store& state_store,
                                                       const Clock& clock,
                                                       const std::vector<std::string>& tables);

}  // namespace cdc::repair

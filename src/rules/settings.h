#pragma once

#include <string>
#include <vector>

#include "state/state_file.h"

namespace cdc::rules {

enum class OnGap { kStop, kContinue };
// Another source table is captured under a name that is delivered already.
enum class OnReplace { kStop, kFollow };
// What goes on when a column's type becomes one that readers cannot merge with the earlier objects.
enum class OnTypeChange { kStop, kSameFolder, kNewFolder };

// What the settings say of a database's tables: which, from where, into which folders, and what to
// do about what cannot be kept.
struct Settings {
  std::string database;  // as the server spells it
  std::string path = "{database}/{table}/cdc";
  std::string group;                   // this document's share of the database's tables; "": all
  std::vector<std::string> tables;     // patterns; empty: all captured tables
  std::vector<std::string> exclude;    // patterns
  std::vector<std::string> instances;  // pinned capture instances
  std::string start = "oldest";        // oldest · now · a time · an LSN
  OnGap on_gap = OnGap::kStop;
  OnReplace on_replace = OnReplace::kStop;
  OnTypeChange on_type_change = OnTypeChange::kStop;
  // False when the state lives in a local directory: then the target may be a store without
  // conditions, a key may be overwritten with the same rows, and listing or HEAD may be forbidden.
  bool conditional_puts = true;
  std::chrono::milliseconds lease{30'000};

  state::DocumentName document() const { return {database, group}; }
};

}  // namespace cdc::rules

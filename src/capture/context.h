#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "capture/naming.h"
#include "capture/object_builder.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

namespace cdc::capture {

enum class OnGap { kStop, kContinue };

struct Options {
  std::string database;  // as the server spells it
  std::string path = "{database}/{table}/cdc";
  std::string group;                   // this document's share of the database's tables; "": all
  std::vector<std::string> tables;     // patterns; empty: all captured tables
  std::vector<std::string> exclude;    // patterns
  std::vector<std::string> instances;  // pinned capture instances
  std::string start = "oldest";        // oldest · now · a time · an LSN
  OnGap on_gap = OnGap::kStop;
  ObjectLimits limits;
  int64_t workers = 4;  // tables that are read at the same time, with a connection each
  std::chrono::milliseconds object_age{0};
  std::chrono::milliseconds lease{30'000};
  // False when the state lives in a local directory: then the target may be a store without
  // conditions, a key may be overwritten with the same rows, and listing or HEAD may be forbidden.
  bool conditional_puts = true;
  std::string program_version;

  state::DocumentName document() const { return {database, group}; }
};

// What the program remembers of a table beside the document.
struct TableRuntime {
  std::string trouble;                   // why the table is not read now; "" when it is
  std::chrono::nanoseconds retry_at{0};  // monotonic
  bool transient = false;
  bool folder_checked = false;  // nothing lies beyond the last name that the document knows
  bool unconfirmed =
      false;         // the object of the last claim is not known to be there: it comes first
  int64_t rows = 0;  // delivered in this round
  int64_t objects = 0;
};

// What the steps of a round share. One thread.
struct Context {
  Options options;
  source::Source& source;
  store::Store& data;
  state::OwnedDocument owned;
  const Clock& clock;
  const std::atomic<bool>& stop;

  std::map<std::string, TableRuntime> runtime;  // by schema.name
  // Changes of the document that nobody needs to wait for: they ride in the next swap.
  std::vector<std::function<void(state::Document&)>> pending;

  const state::Document& document() const { return owned.document(); }
  const state::Table& table(const std::string& name) const { return document().tables.at(name); }
  arrow::Result<TableNames> NamesOf(const state::Table& table) const {
    return TableNames::Make(options.path, options.database, table.schema, table.name);
  }

  // One swap with everything pending and `change`.
  arrow::Status Swap(const std::function<void(state::Document&)>& change);

  // Records why a table is not read, logs it once, and sets when to try again. Errors that end the
  // whole program (lost ownership) are given back instead.
  arrow::Status TableTrouble(const std::string& name, const arrow::Status& why);
  void TableFine(const std::string& name);
};

// The anchor only moves forward: it stays at or above every position.
void MoveAnchor(state::Document& document, const source::Horizon& horizon);

// Marks an error as one that stops the whole document, not one table.
arrow::Status StopsEverything(const std::string& message);
bool IsStopsEverything(const arrow::Status& status);

// A table's own permanent trouble that no retry within minutes mends (gap, foreign object).
arrow::Status StopsTable(const std::string& message);

}  // namespace cdc::capture

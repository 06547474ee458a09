#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source/source.h"
#include "state/document.h"
#include "state/folders.h"

// Captured tables as the source, the settings and the state show them together: what check judges
// and tables prints.
namespace cdc::app {

struct CapturedTable {
  std::string schema;  // of its entry; without one as the server says, "" where it does not tell
  std::string table;   // the same
  std::string name_today;  // schema.name, where that is another one
  // The one that is read first; none of an entry whose table is not captured any more.
  std::vector<source::CaptureInstance> instances;
  bool selected = false;                                // by [source] tables and exclude
  std::string folder;                                   // "" where no folder can be had
  std::optional<source::TableDescription> description;  // of the instance that is read
  std::string not_delivered;                            // why, and what helps; "" when it can be

  // schema.name, or what stands for it while the name is hidden.
  std::string Name() const;
};

// What is known of the target's state documents.
struct KnownState {
  std::optional<state::Document> document;   // of the settings' group; nothing: there is none
  arrow::Result<state::OtherTables> others;  // what other documents have
};

// In the order of their names, all that `info` has, and entries that settings select and whose table
// is not captured any more. What keeps a table from being delivered is judged as a run judges it.
std::vector<CapturedTable> LookAtTables(source::Source& source, const config::Config& config,
                                        const std::string& database, const source::PollInfo& info,
                                        const KnownState& known);

// An error where the settings' own document cannot be read.
arrow::Result<KnownState> ReadState(const config::Config& config, const std::string& database);

// The table's entry in the state; null where it has none.
const state::Table* EntryOf(const std::optional<state::Document>& document,
                            const source::CaptureInstance& instance);

// What a captured column becomes: names and types as docs/FORMAT.md writes them. Empty for a type
// that is not supported.
struct ParquetColumn {
  std::string name;
  std::string type;
};
std::vector<ParquetColumn> BecomesOf(const columns::SourceColumn& column);

}  // namespace cdc::app

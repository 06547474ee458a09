#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/document.h"

// Captured tables as the source, the settings and the state show them together: what check judges
// and tables prints.
namespace cdc::app {

struct CapturedTable {
  std::string schema;  // of its entry; without one as the server says, "" where it does not tell
  std::string table;   // the same
  std::string name_today;                               // schema.name, where that is another one
  std::vector<source::CaptureInstance> instances;       // the one that is read first
  bool selected = false;                                // by [source] tables and exclude
  std::string folder;                                   // "" where no folder can be had
  std::optional<source::TableDescription> description;  // of the instance that is read
  std::string not_delivered;                            // why, and what helps; "" when it can be

  // schema.name, or what stands for it while the name is hidden.
  std::string Name() const;
};

// In the order of their names, all that `info` has. `document`: which tables have entries, and what
// they are read from.
std::vector<CapturedTable> LookAtTables(source::Source& source, const config::Config& config,
                                        const std::string& database, const source::PollInfo& info,
                                        const std::optional<state::Document>& document);

// Entries that settings select and whose table is not captured any more, with what helps.
std::vector<std::pair<std::string, std::string>> GoneTables(const rules::Settings& settings,
                                                            const source::PollInfo& info,
                                                            const state::Document& document);

// The state of the settings' group; nothing where there is none yet.
arrow::Result<std::optional<state::Document>> ReadState(const config::Config& config,
                                                        const std::string& database);

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

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source/source.h"
#include "state/document.h"

// Captured tables as the source, the settings and the state show them together: what check judges
// and tables prints.
namespace cdc::app {

struct CapturedTable {
  std::string schema;                                   // "" where the login may not see it
  std::string table;                                    // the same
  std::vector<source::CaptureInstance> instances;       // the one that is read first
  bool selected = false;                                // by [source] tables and exclude
  std::string folder;                                   // "" where no folder can be had
  std::optional<source::TableDescription> description;  // of the instance that is read
  std::string not_delivered;                            // why, and what helps; "" when it can be

  // schema.name, or what stands for it while the name is hidden.
  std::string Name() const;
};

// In the order of their names. `document`: what names the instance that a table is read from, and
// its place.
std::vector<CapturedTable> LookAtTables(source::Source& source, const config::Config& config,
                                        const std::string& database,
                                        const std::vector<source::CaptureInstance>& instances,
                                        const std::optional<state::Document>& document);

// The table's entry in the state: of its source table, whatever that is called now.
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

#include "app/captured_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "app/wiring.h"
#include "columns/parquet_forms.h"
#include "rules/naming.h"
#include "rules/selection.h"

namespace cdc::app {

namespace {

using source::CaptureInstance;

// The instance that the state names comes first; of a new table a pinned one, else the oldest.
void PutReadOneFirst(const config::Config& config, const std::optional<state::Document>& document,
                     std::vector<CaptureInstance>* instances) {
  std::ranges::sort(*instances, {}, &CaptureInstance::start_lsn);
  const state::Table* entry = EntryOf(document, instances->front());
  const auto& pinned = config.source.instances;
  std::stable_partition(instances->begin(), instances->end(), [&](const CaptureInstance& instance) {
    return entry != nullptr ? instance.name == entry->capture_instance
                            : std::ranges::find(pinned, instance.name) != pinned.end();
  });
}

std::string WhyNotDelivered(source::Source& source, const config::Config& config,
                            CapturedTable* table) {
  const CaptureInstance& instance = table->instances.front();
  if (table->table.empty()) {
    return "the source table of capture instance " + instance.name +
           " is hidden from this login: GRANT VIEW DEFINITION TO [" + config.source.user + "]";
  }
  auto description = source.Describe(instance);
  if (!description.ok()) return description.status().message();
  table->description = std::move(*description);
  // Opening a reader over an empty window asks nothing of the server but whether every type is
  // known.
  const Position nowhere = Position::After(Lsn::Max());
  return source.Read(*table->description, nowhere, nowhere).status().message();
}

// Opened without credentials: nothing is asked of it. Nothing where it cannot be opened, which is
// said elsewhere.
std::unique_ptr<store::Store> TargetUnasked(config::Config config) {
  config.target.anonymous = true;
  auto stores = OpenStores(config);
  return stores.ok() ? std::move(stores->data) : nullptr;
}

void FindFolders(const config::Config& config, const std::string& database,
                 std::vector<CapturedTable>* tables) {
  const auto target = TargetUnasked(config);
  std::map<std::string, std::string> owners;
  for (CapturedTable& table : *tables) {
    if (!table.selected || table.table.empty()) continue;
    const auto names =
        rules::TableNames::Make(config.target.path, database, table.schema, table.table);
    if (!names.ok()) {
      table.not_delivered = names.status().message();
      continue;
    }
    table.folder = names->folder();
    if (target != nullptr && table.not_delivered.empty()) {
      table.not_delivered = names->CheckFits(target->key_limits(), target->url()).message();
    }
    const auto [owner, first] = owners.emplace(table.folder, table.Name());
    if (first || !table.not_delivered.empty()) continue;
    table.not_delivered =
        fmt::format("it would share the folder {} with {}; set [target] path = {}", table.folder,
                    owner->second, "\"{database}/{schema}/{table}/cdc\"");
  }
}

}  // namespace

std::string CapturedTable::Name() const {
  return table.empty() ? "capture instance " + instances.front().name : schema + "." + table;
}

const state::Table* EntryOf(const std::optional<state::Document>& document,
                            const CaptureInstance& instance) {
  if (!document) return nullptr;
  for (const auto& [name, entry] : document->tables) {
    if (entry.source_object_id == instance.source_object_id) return &entry;
  }
  const auto named = document->tables.find(instance.QualifiedName());
  return named == document->tables.end() ? nullptr : &named->second;
}

std::vector<CapturedTable> LookAtTables(source::Source& source, const config::Config& config,
                                        const std::string& database,
                                        const std::vector<CaptureInstance>& instances,
                                        const std::optional<state::Document>& document) {
  const auto selection = rules::TableSelection::Make(config.source.tables, config.source.exclude);
  std::map<int64_t, CapturedTable> by_source;
  for (const CaptureInstance& instance : instances) {
    CapturedTable& table = by_source[instance.source_object_id];
    table.schema = instance.schema;
    table.table = instance.table;
    table.instances.push_back(instance);
  }
  std::vector<CapturedTable> tables;
  for (auto& [id, table] : by_source) {
    PutReadOneFirst(config, document, &table.instances);
    table.selected = selection.Selects(table.schema, table.table);
    table.not_delivered = WhyNotDelivered(source, config, &table);
    tables.push_back(std::move(table));
  }
  std::ranges::sort(tables, {}, &CapturedTable::Name);
  FindFolders(config, database, &tables);
  return tables;
}

std::vector<ParquetColumn> BecomesOf(const columns::SourceColumn& column) {
  std::vector<ParquetColumn> becomes;
  const auto decoder = columns::ColumnDecoder::Make(column);
  if (!decoder.ok()) return becomes;
  for (const auto& field : (*decoder)->fields()) {
    becomes.push_back({field->name(), columns::ParquetTypeText(*field)});
  }
  return becomes;
}

}  // namespace cdc::app

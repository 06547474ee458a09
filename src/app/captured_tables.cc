#include "app/captured_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "app/wiring.h"
#include "base/text.h"
#include "columns/parquet_forms.h"
#include "rules/column_guard.h"
#include "rules/instance_choice.h"
#include "rules/naming.h"
#include "rules/selection.h"
#include "rules/table_identity.h"
#include "source/sql.h"
#include "state/state_file.h"

namespace cdc::app {

namespace {

using source::CaptureInstance;

// What the choice is made from; no horizon: nothing has begun.
rules::InstanceFacts FactsOf(const rules::Settings& settings, const source::PollInfo& info) {
  static const Lsn kNone;
  return {info.instances, info.horizon ? info.horizon->lsn : kNone, settings.instances};
}

void PutFirst(int64_t change_table_object_id, std::vector<CaptureInstance>* instances) {
  std::ranges::stable_partition(*instances, [=](const CaptureInstance& instance) {
    return instance.change_table_object_id == change_table_object_id;
  });
}

// Why an entry's table is not read, as a run judges it; "" where it is.
std::string WhyNotRead(const rules::Settings& settings, const source::PollInfo& info,
                       const state::Document& document, const state::Table& entry,
                       CapturedTable* table) {
  const bool claim_open = entry.claim && !entry.claim->confirmed;
  const auto choice = rules::ChooseInstance(document, entry, FactsOf(settings, info), claim_open);
  PutFirst(choice.instance.change_table_object_id, &table->instances);
  if (choice.namesake && !rules::MayFollow(settings, entry, *choice.namesake)) {
    return rules::WhyReplaced(entry, choice);
  }
  return "";
}

// A table without an entry: of the name of one that has, or new.
std::string WhyNotEntered(const rules::Settings& settings, const source::PollInfo& info,
                          const std::optional<state::Document>& document, CapturedTable* table) {
  const CaptureInstance& any = table->instances.front();
  if (const auto* first = rules::FirstInstance(any.source_object_id, FactsOf(settings, info))) {
    PutFirst(first->change_table_object_id, &table->instances);
  }
  if (!document) return "";
  const auto entry = document->tables.find(table->schema + "." + table->table);
  if (entry == document->tables.end() ||
      rules::MayFollow(settings, entry->second, table->instances.front())) {
    return "";
  }
  return "another table has this name in the state, its folder and its resume position (object "
         "id " +
         std::to_string(entry->second.source_object_id) +
         "; this one: " + std::to_string(any.source_object_id) + "): see cdc-to-s3 follow " +
         ShellWord(entry->first);
}

std::string WhyNotDelivered(source::Source& source, const config::Config& config,
                            const state::Table* entry, CapturedTable* table) {
  CaptureInstance instance = table->instances.front();
  if (table->table.empty()) {
    return "the source table of capture instance " + instance.name +
           " is hidden from this login: GRANT VIEW DEFINITION TO " +
           source::sql::Bracket(config.source.user);
  }
  if (entry != nullptr) instance = rules::AsCalledIn(*entry, instance);
  auto description = source.Describe(instance);
  if (!description.ok()) return description.status().message();
  table->description = std::move(*description);
  if (entry != nullptr) {
    const auto shown =
        rules::CheckColumns(entry->QualifiedName(), entry->columns, *table->description);
    if (!shown.ok()) return shown.message();
  }
  // Opening a reader over an empty window asks nothing of the server but whether every type is
  // known.
  const Position nowhere = Position::After(Lsn::Max());
  return source.Read(*table->description, nowhere, nowhere).status().message();
}

CapturedTable LookAtTable(source::Source& source, const config::Config& config,
                          const rules::Settings& settings, const source::PollInfo& info,
                          const std::optional<state::Document>& document,
                          std::vector<CaptureInstance> instances) {
  const auto selection = rules::TableSelection::Make(settings.tables, settings.exclude);
  CapturedTable table;
  table.instances = std::move(instances);
  const state::Table* entry = EntryOf(document, table.instances.front());
  if (entry == nullptr) {
    table.schema = table.instances.front().schema;
    table.table = table.instances.front().table;
    table.selected = selection.Selects(table.schema, table.table);
    table.not_delivered = WhyNotEntered(settings, info, document, &table);
  } else {
    table.schema = entry->schema;
    table.table = entry->name;
    table.name_today = rules::NameToday(*entry, info.instances).value_or(entry->name_today);
    state::Table now = *entry;
    now.name_today = table.name_today;
    const std::string in_vain = rules::WhySelectedInVain(selection, now);
    table.selected = selection.Selects(entry->schema, entry->name) || !in_vain.empty();
    table.not_delivered = WhyNotRead(settings, info, *document, now, &table);
    if (!selection.Selects(entry->schema, entry->name)) table.not_delivered = in_vain;
  }
  const std::string why = WhyNotDelivered(source, config, entry, &table);
  if (table.not_delivered.empty()) table.not_delivered = why;
  return table;
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
  return document ? rules::EntryOf(*document, instance.source_object_id) : nullptr;
}

std::vector<CapturedTable> LookAtTables(source::Source& source, const config::Config& config,
                                        const std::string& database, const source::PollInfo& info,
                                        const std::optional<state::Document>& document) {
  const rules::Settings settings = CaptureOptions(config, database);
  std::map<int64_t, std::vector<CaptureInstance>> by_source;
  for (const CaptureInstance& instance : info.instances) {
    by_source[instance.source_object_id].push_back(instance);
  }
  std::vector<CapturedTable> tables;
  for (auto& [id, instances] : by_source) {
    std::ranges::sort(instances, {}, &CaptureInstance::start_lsn);
    tables.push_back(LookAtTable(source, config, settings, info, document, std::move(instances)));
  }
  std::ranges::sort(tables, {}, &CapturedTable::Name);
  FindFolders(config, database, &tables);
  return tables;
}

std::vector<std::pair<std::string, std::string>> GoneTables(const rules::Settings& settings,
                                                            const source::PollInfo& info,
                                                            const state::Document& document) {
  const auto selection = rules::TableSelection::Make(settings.tables, settings.exclude);
  std::vector<std::pair<std::string, std::string>> gone;
  for (const auto& [name, entry] : document.tables) {
    if (!selection.Selects(entry.schema, entry.name)) continue;
    const auto choice = rules::ChooseInstance(document, entry, FactsOf(settings, info), false);
    if (choice.what != rules::InstanceChoice::What::kGone) continue;
    if (choice.namesake) {
      if (rules::MayFollow(settings, entry, *choice.namesake)) continue;
      gone.emplace_back(name, rules::WhyReplaced(entry, choice));
    } else {
      gone.emplace_back(name, rules::WhyGone(entry));
    }
  }
  return gone;
}

arrow::Result<std::optional<state::Document>> ReadState(const config::Config& config,
                                                        const std::string& database) {
  ARROW_ASSIGN_OR_RAISE(const auto stores, OpenStores(config));
  ARROW_ASSIGN_OR_RAISE(const auto stored,
                        state::ReadDocument(stores.state(), {database, config.run.group}));
  return stored ? std::optional(stored->document) : std::nullopt;
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

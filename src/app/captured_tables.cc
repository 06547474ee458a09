#include "app/captured_tables.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "app/wiring.h"
#include "base/text.h"
#include "capture/groups.h"
#include "columns/parquet_forms.h"
#include "rules/column_guard.h"
#include "rules/gap.h"
#include "rules/holders.h"
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
  // Not the one of std::ranges: clang 14, which clang-tidy is, cannot read libstdc++ 12's.
  std::stable_partition(instances->begin(), instances->end(), [=](const CaptureInstance& instance) {
    return instance.change_table_object_id == change_table_object_id;
  });
}

// What the tables are judged by.
struct Facts {
  source::Source& source;
  const config::Config& config;
  const rules::Settings settings;
  const rules::TableSelection selection;
  const source::PollInfo& info;
  const KnownState& known;

  const state::Document* document() const { return known.document ? &*known.document : nullptr; }
  // Nothing is known of others where they cannot be read; who needs to know says so.
  const state::OtherTables& others() const {
    static const state::OtherTables kNone;
    return known.others.ok() ? *known.others : kNone;
  }
};

// Changes that nobody can read any more, behind which the settings do not let a run go on.
std::string WhyGap(const Facts& facts, const state::Table& entry,
                   const rules::InstanceChoice& choice) {
  if (!facts.info.horizon || facts.settings.on_gap == rules::OnGap::kContinue) return "";
  if (choice.what != rules::InstanceChoice::What::kRead &&
      choice.what != rules::InstanceChoice::What::kGap) {
    return "";
  }
  const auto gap = rules::GapBefore(choice.instance, facts.document()->ResumePosition(entry));
  if (!gap) return "";
  return "gap: changes from " + gap->ToString() +
         " can no longer be read, and nothing of the table is until they are given up: cdc-to-s3 "
         "accept-gap " +
         ShellWord(entry.QualifiedName()) + " --yes";
}

// Why an entry's table is not read; "" where it is.
std::string WhyNotRead(const Facts& facts, const state::Table& entry, CapturedTable* table) {
  const bool claim_open = entry.claim && !entry.claim->confirmed;
  const auto choice = rules::ChooseInstance(*facts.document(), entry,
                                            FactsOf(facts.settings, facts.info), claim_open);
  PutFirst(choice.instance.change_table_object_id, &table->instances);
  if (choice.namesake) {
    if (!rules::MayFollow(facts.settings, entry, *choice.namesake)) {
      return rules::WhyReplaced(entry, choice);
    }
    std::string why =
        rules::WhyFollowerIsAnothers(facts.others(), entry, choice.namesake->source_object_id);
    if (!why.empty()) return why;
  }
  return WhyGap(facts, entry, choice);
}

// A table without an entry that has the name of one.
std::string WhyNotFollowed(const Facts& facts, const state::Table& entry,
                           const CaptureInstance& instance) {
  if (rules::MayFollow(facts.settings, entry, instance)) {
    return rules::WhyFollowerIsAnothers(facts.others(), entry, instance.source_object_id);
  }
  return "another table has this name in the state, its folder and its resume position (object "
         "id " +
         std::to_string(entry.source_object_id) +
         "; this one: " + std::to_string(instance.source_object_id) + "): see cdc-to-s3 follow " +
         ShellWord(entry.QualifiedName());
}

const state::Table* EntryOfName(const Facts& facts, const CapturedTable& table) {
  if (facts.document() == nullptr) return nullptr;
  const auto found = facts.document()->tables.find(table.Name());
  return found != facts.document()->tables.end() ? &found->second : nullptr;
}

// How its columns were delivered until now, under whatever entry.
rules::KnownColumns ColumnsUntilNow(const Facts& facts, const state::Table* entry,
                                    int64_t source_object_id) {
  if (entry != nullptr) return entry->columns;
  const state::Document none;
  const state::Document& document = facts.document() != nullptr ? *facts.document() : none;
  const auto* before = rules::DeliveredBefore(document, facts.others(), source_object_id);
  return before != nullptr ? before->columns : rules::KnownColumns();
}

std::string WhyNotDelivered(const Facts& facts, const state::Table* entry, CapturedTable* table) {
  CaptureInstance instance = table->instances.front();
  if (table->table.empty()) {
    return "the source table of capture instance " + instance.name +
           " is hidden from this login: GRANT VIEW DEFINITION TO " +
           source::sql::Bracket(facts.config.source.user);
  }
  if (entry != nullptr) instance = rules::AsCalledIn(*entry, instance);
  auto description = facts.source.Describe(instance);
  if (!description.ok()) return description.status().message();
  table->description = std::move(*description);
  const auto shown = rules::CheckColumns(
      table->Name(), ColumnsUntilNow(facts, entry, instance.source_object_id), *table->description);
  if (!shown.ok()) return shown.message();
  // Opening a reader over an empty window asks nothing of the server but whether every type is
  // known.
  const Position nowhere = Position::After(Lsn::Max());
  return facts.source.Read(*table->description, nowhere, nowhere).status().message();
}

void LookAtEntry(const Facts& facts, const state::Table& entry, CapturedTable* table) {
  table->schema = entry.schema;
  table->table = entry.name;
  table->folder = entry.folder;
  table->name_today = rules::NameKnown(entry, facts.info.instances);
  state::Table now = entry;
  now.name_today = table->name_today;
  const std::string in_vain = rules::WhySelectedInVain(facts.selection, now);
  const bool selected = facts.selection.Selects(entry.schema, entry.name);
  table->selected = selected || !in_vain.empty();
  table->not_delivered = WhyNotRead(facts, now, table);
  if (!selected) table->not_delivered = in_vain;
}

void LookAtNewcomer(const Facts& facts, CapturedTable* table) {
  const CaptureInstance any = table->instances.front();
  table->schema = any.schema;
  table->table = any.table;
  table->selected = facts.selection.Selects(any.schema, any.table);
  const auto now = FactsOf(facts.settings, facts.info);
  if (const auto* first = rules::FirstInstance(any.source_object_id, now)) {
    PutFirst(first->change_table_object_id, &table->instances);
  }
  const state::Table* namesake = EntryOfName(facts, *table);
  if (namesake == nullptr) return;
  table->folder = namesake->folder;
  table->not_delivered = WhyNotFollowed(facts, *namesake, table->instances.front());
}

CapturedTable LookAtTable(const Facts& facts, std::vector<CaptureInstance> instances) {
  CapturedTable table;
  table.instances = std::move(instances);
  const state::Table* entry = EntryOf(facts.known.document, table.instances.front());
  if (entry != nullptr) {
    LookAtEntry(facts, *entry, &table);
  } else {
    LookAtNewcomer(facts, &table);
  }
  const std::string why = WhyNotDelivered(facts, entry, &table);
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

std::string WhyNoFolder(const Facts& facts, rules::Holders* holders, store::Store* target,
                        CapturedTable* table) {
  auto names = rules::TableNames::Make(facts.settings.path, facts.settings.database, table->schema,
                                       table->table);
  if (!names.ok()) return names.status().message();
  if (target != nullptr) {
    const auto fits = names->CheckFits(target->key_limits(), target->url());
    if (!fits.ok()) return fits.message();
  }
  if (!table->folder.empty()) return rules::WhyMoved(*names, table->folder);
  table->folder = names->folder();
  if (!facts.known.others.ok()) {
    return capture::NotKnownWhose(facts.known.others.status()).message();
  }
  const rules::Newcomer newcomer{table->Name(), table->instances.front().source_object_id,
                                 table->folder};
  std::string why = holders->WhyRefused(newcomer);
  if (why.empty()) holders->Take(newcomer);
  return why;
}

// In the order in which they would come in.
void FindFolders(const Facts& facts, std::vector<CapturedTable>* tables) {
  const auto target = TargetUnasked(facts.config);
  rules::Holders holders(facts.document(), facts.others(), facts.settings.database);
  std::map<int64_t, CapturedTable*> by_source;
  for (CapturedTable& table : *tables) {
    by_source[table.instances.front().source_object_id] = &table;
  }
  for (const CaptureInstance& instance : facts.info.instances) {
    const auto node = by_source.extract(instance.source_object_id);
    if (node.empty()) continue;
    CapturedTable& table = *node.mapped();
    if (!table.selected || table.table.empty()) continue;
    const std::string why = WhyNoFolder(facts, &holders, target.get(), &table);
    if (!why.empty()) table.not_delivered = why;
  }
}

void AddGoneTables(const Facts& facts, std::vector<CapturedTable>* tables) {
  if (facts.document() == nullptr) return;
  for (const auto& [name, entry] : facts.document()->tables) {
    if (!facts.selection.Selects(entry.schema, entry.name)) continue;
    const auto choice =
        rules::ChooseInstance(*facts.document(), entry, FactsOf(facts.settings, facts.info), false);
    if (choice.what != rules::InstanceChoice::What::kGone) continue;
    if (choice.namesake && rules::MayFollow(facts.settings, entry, *choice.namesake)) continue;
    CapturedTable gone;
    gone.schema = entry.schema;
    gone.table = entry.name;
    gone.name_today = rules::NameKnown(entry, facts.info.instances);
    gone.selected = true;
    gone.folder = entry.folder;
    gone.not_delivered = choice.namesake
                             ? rules::WhyReplaced(entry, choice)
                             : rules::WhyGone(entry, *facts.document(), facts.info.instances);
    tables->push_back(std::move(gone));
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
                                        const KnownState& known) {
  const rules::Settings settings = CaptureOptions(config, database);
  const auto selection = rules::TableSelection::Make(settings.tables, settings.exclude);
  const Facts facts{source, config, settings, selection, info, known};
  std::map<int64_t, std::vector<CaptureInstance>> by_source;
  for (const CaptureInstance& instance : info.instances) {
    by_source[instance.source_object_id].push_back(instance);
  }
  std::vector<CapturedTable> tables;
  for (auto& [id, instances] : by_source) {
    std::ranges::sort(instances, {}, &CaptureInstance::start_lsn);
    tables.push_back(LookAtTable(facts, std::move(instances)));
  }
  FindFolders(facts, &tables);
  AddGoneTables(facts, &tables);
  std::ranges::sort(tables, {}, &CapturedTable::Name);
  return tables;
}

arrow::Result<KnownState> ReadState(const config::Config& config, const std::string& database) {
  ARROW_ASSIGN_OR_RAISE(const auto stores, OpenStores(config));
  const auto options = CaptureOptions(config, database);
  ARROW_ASSIGN_OR_RAISE(auto stored, state::ReadDocument(stores.state(), options.document()));
  KnownState known{std::nullopt, capture::LookAtOthers(options, stores.state())};
  if (stored) known.document = std::move(stored->document);
  return known;
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

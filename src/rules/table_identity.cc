#include "rules/table_identity.h"

#include <algorithm>

#include "base/glob.h"

namespace cdc::rules {

using source::CaptureInstance;

namespace {

// The one of the source table that goes farthest; `last` where none of these goes farther.
const state::EarlierTable* LastOf(const std::vector<state::EarlierTable>& tables,
                                  int64_t source_object_id, const state::EarlierTable* last) {
  for (const state::EarlierTable& table : tables) {
    if (table.source_object_id != source_object_id) continue;
    if (last == nullptr || table.through > last->through) last = &table;
  }
  return last;
}

}  // namespace

const state::Table* EntryOf(const state::Document& document, int64_t source_object_id) {
  for (const auto& [name, table] : document.tables) {
    if (table.source_object_id == source_object_id) return &table;
  }
  return nullptr;
}

std::optional<std::string> NameToday(const state::Table& entry, const Instances& instances) {
  for (const CaptureInstance& instance : instances) {
    if (instance.source_object_id != entry.source_object_id || instance.table.empty()) continue;
    const bool same = instance.schema == entry.schema && instance.table == entry.name;
    return same ? "" : instance.QualifiedName();
  }
  return std::nullopt;
}

namespace {

bool HasNameOf(const CaptureInstance& instance, const state::Table& entry) {
  return SameName(instance.schema, entry.schema) && SameName(instance.table, entry.name);
}

// Whether the entry's own table still has the name, in whatever case. What the server hides is
// called as it was when it was last seen.
bool HasItsName(const state::Table& entry, const Instances& instances) {
  return std::ranges::any_of(instances, [&](const CaptureInstance& instance) {
    if (instance.source_object_id != entry.source_object_id) return false;
    return instance.table.empty() ? entry.name_today.empty() : HasNameOf(instance, entry);
  });
}

}  // namespace

std::string NameKnown(const state::Table& entry, const Instances& instances) {
  if (const auto today = NameToday(entry, instances)) return *today;
  const bool is_anothers = std::ranges::any_of(instances, [&](const CaptureInstance& instance) {
    return !instance.table.empty() && instance.QualifiedName() == entry.name_today &&
           instance.source_object_id != entry.source_object_id;
  });
  return is_anothers ? "" : entry.name_today;
}

const CaptureInstance* NamesakeOf(const state::Document& document, const state::Table& entry,
                                  const Instances& instances) {
  const CaptureInstance* in_another_case = nullptr;
  for (const CaptureInstance& instance : instances) {
    if (!HasNameOf(instance, entry) || EntryOf(document, instance.source_object_id) != nullptr) {
      continue;
    }
    if (instance.schema == entry.schema && instance.table == entry.name) return &instance;
    in_another_case = &instance;
  }
  return in_another_case == nullptr || HasItsName(entry, instances) ? nullptr : in_another_case;
}

Instances WithoutNamesakes(const state::Document& document, const Instances& instances) {
  std::vector<int64_t> namesakes;
  for (const auto& [name, table] : document.tables) {
    const CaptureInstance* namesake = NamesakeOf(document, table, instances);
    if (namesake != nullptr) namesakes.push_back(namesake->source_object_id);
  }
  Instances others = instances;
  std::erase_if(others, [&](const CaptureInstance& instance) {
    return std::ranges::find(namesakes, instance.source_object_id) != namesakes.end();
  });
  return others;
}

std::string WhyIdle(const std::string& pattern, const state::Document& document,
                    const Instances& instances) {
  const TableSelection alone = TableSelection::Make({pattern}, {});
  const auto names_entry = [&](const auto& entry) {
    return alone.Selects(entry.second.schema, entry.second.name);
  };
  if (std::ranges::any_of(document.tables, names_entry)) return "";
  std::string present;
  for (const CaptureInstance& instance : instances) {
    if (!alone.Selects(instance.schema, instance.table)) continue;
    const state::Table* entry = EntryOf(document, instance.source_object_id);
    if (entry == nullptr) return "";
    present = instance.QualifiedName() + " is what " + entry->QualifiedName() +
              " is called today, but " + entry->QualifiedName() +
              " counts, the name that its folder and its state have: write that one";
  }
  if (!present.empty()) return present;
  return "no captured table has such a name; all of them: cdc-to-s3 tables";
}

std::string WhySelectedInVain(const TableSelection& selection, const state::Table& entry) {
  if (entry.name_today.empty()) return "";
  // A schema's name may have dots; most tables stay in theirs.
  const size_t dot = entry.name_today.starts_with(entry.schema + ".") ? entry.schema.size()
                                                                      : entry.name_today.find('.');
  const std::string schema = entry.name_today.substr(0, dot);
  const std::string table = entry.name_today.substr(dot + 1);
  if (!selection.Selects(schema, table)) return "";
  return "it is called " + entry.name_today +
         " today, which the settings select, but they go by the name that its folder and its state "
         "have, " +
         entry.QualifiedName() +
         ", and leave that out. Nothing of it is read. To deliver it, select " +
         entry.QualifiedName() +
         " in [source] tables (and not in exclude); to leave it out, name " + entry.name_today +
         " in exclude, too";
}

std::string WhyGone(const state::Table& entry, const state::Document& document,
                    const Instances& instances) {
  const std::string called =
      entry.name_today.empty() ? entry.QualifiedName() : NameKnown(entry, instances);
  const state::Table* other = nullptr;
  for (const CaptureInstance& instance : instances) {
    if (instance.source_object_id == entry.source_object_id || instance.table.empty()) continue;
    if (instance.QualifiedName() == entry.QualifiedName()) {
      other = EntryOf(document, instance.source_object_id);
    }
  }
  const std::string what = "its capture instance " + entry.capture_instance +
                           " is gone, and with it the changes that were not read yet. ";
  const std::string leave = "If the table is not to be delivered any more, name " +
                            entry.QualifiedName() + " in [source] exclude";
  // Whoever turned capture on under that name would turn it on for the other table.
  if (called.empty() || (other != nullptr && called == entry.QualifiedName())) {
    return what + "Its name is another table's today" +
           (other != nullptr ? ", which is delivered as " + other->QualifiedName() : "") + ". " +
           leave +
           ". If it is there still under another name, EXEC sys.sp_cdc_enable_table for it; what "
           "lies between is then a gap to be accepted";
  }
  return what + "What helps: EXEC sys.sp_cdc_enable_table for " + called +
         "; what lies between is then a gap to be accepted. " + leave;
}

CaptureInstance AsCalledIn(const state::Table& entry, CaptureInstance instance) {
  instance.schema = entry.schema;
  instance.table = entry.name;
  return instance;
}

const state::EarlierTable* DeliveredBefore(const state::Document& document,
                                           int64_t source_object_id) {
  const state::EarlierTable* last = nullptr;
  for (const auto& [name, table] : document.tables) {
    last = LastOf(table.earlier_tables, source_object_id, last);
  }
  return last;
}

const state::EarlierTable* DeliveredBefore(const state::Document& document,
                                           const state::OtherTables& others,
                                           int64_t source_object_id) {
  return LastOf(others.earlier_tables, source_object_id,
                DeliveredBefore(document, source_object_id));
}

bool MayFollow(const Settings& settings, const state::Table& entry,
               const CaptureInstance& namesake) {
  return settings.on_replace == OnReplace::kFollow || entry.follows == namesake.source_object_id;
}

}  // namespace cdc::rules

#include "app/rule_patterns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/type_mapping.h"
#include "base/glob.h"
#include "config/table_rules.h"
#include "rules/table_identity.h"

namespace cdc::app {
namespace {

using arrow::Result;
using columns::OutputRule;
using source::CaptureInstance;
using ColumnsOfTable = std::vector<source::CapturedColumn>;

bool NamesColumns(const OutputRule& rule) {
  return !rule.columns.empty() || !rule.only.empty() || !rule.exclude.empty();
}

// The patterns over columns that a rule holds, with the setting that each stands in.
std::vector<std::pair<std::string, std::string>> ColumnPatterns(const OutputRule& rule) {
  std::vector<std::pair<std::string, std::string>> patterns;
  const std::string name = config::NameOf(rule);
  if (!rule.columns.empty()) patterns.emplace_back(name, rule.columns);
  for (const auto& pattern : rule.only) patterns.emplace_back(name + ".columns", pattern);
  for (const auto& pattern : rule.exclude)
    patterns.emplace_back(name + ".exclude_columns", pattern);
  return patterns;
}

// What a pattern that fits nothing means where it was to hide something; else "".
std::string Unmasked(const OutputRule& rule) {
  const auto mask = rule.words.find("mask");
  if (mask == rule.words.end() || mask->second == "none") return "";
  return ", so it masks nothing";
}

// For each option the types that it changes, and "" under which all types that we know are.
std::map<std::string, std::set<std::string>> TypesByOption() {
  std::map<std::string, std::set<std::string>> types;
  for (const MappedType& type : MappedTypes({}, {})) {
    types[""].insert(type.name);
    for (const MappedForm& form : type.forms) {
      for (const auto& [option, word] : form.words) types[option].insert(type.name);
    }
  }
  return types;
}

// The options of a rule for columns that none of its columns can have. A type that we do not know
// may be an alias of one that can.
void AddIdleOptions(const OutputRule& rule, const std::vector<const ColumnsOfTable*>& tables,
                    std::vector<IdleSetting>* idle) {
  const auto types = TypesByOption();
  for (const auto& [option, word] : rule.words) {
    if (option == "mask") continue;  // of any type
    std::set<std::string> others;
    bool fits = false;
    for (const ColumnsOfTable* columns : tables) {
      for (const auto& [name, type, column_id] : *columns) {
        if (!MatchesGlob(rule.columns, name)) continue;
        fits |= types.at(option).contains(type) || !types.at("").contains(type);
        others.insert(type);
      }
    }
    if (fits || others.empty()) continue;
    idle->push_back(
        {false, config::NameOf(rule) + "." + option, word,
         fmt::format("it is for {}, and these columns are {} ({}); what each becomes: "
                     "cdc-to-s3 tables",
                     fmt::join(types.at(option), ", "), fmt::join(others, ", "), rule.origin)});
  }
}

}  // namespace

std::string IdleSetting::Text() const {
  if (!fits_nothing) return fmt::format("\"{}\" changes nothing: {}", value, why);
  return fmt::format("the pattern {} fits nothing: {}", value, why);
}

Result<std::vector<IdleSetting>> IdleSettings(source::Source& source, const config::Types& types,
                                              const std::vector<CaptureInstance>& instances,
                                              const std::optional<state::Document>& document) {
  const state::Document known = document.value_or(state::Document());
  source::CapturedColumnMap captured;
  if (std::ranges::any_of(types.rules, NamesColumns)) {
    ARROW_ASSIGN_OR_RAISE(captured, source.CapturedColumns());
  }
  std::vector<IdleSetting> idle;
  for (const OutputRule& rule : types.rules) {
    std::vector<const ColumnsOfTable*> tables;
    for (const CaptureInstance& instance : instances) {
      const state::Table* entry = rules::EntryOf(known, instance.source_object_id);
      const CaptureInstance called =
          entry != nullptr ? rules::AsCalledIn(*entry, instance) : instance;
      if (!MatchesTable(rule.tables, called.schema, called.table)) continue;
      tables.push_back(&captured[instance.change_table_object_id]);
    }
    if (tables.empty()) {
      // "": an entry has the name, whose table is not captured now.
      const std::string why = rules::WhyIdle(rule.tables, known, instances);
      if (why.empty()) continue;
      idle.push_back({true, config::NameOf(rule), rule.tables,
                      why + " (" + rule.origin + ")" + Unmasked(rule)});
      continue;
    }
    // No structured binding: clang 14 lets no lambda capture one.
    for (const auto& found : ColumnPatterns(rule)) {
      const std::string& pattern = found.second;
      const bool fits = std::ranges::any_of(tables, [&](const ColumnsOfTable* columns) {
        return std::ranges::any_of(
            *columns, [&](const auto& column) { return MatchesGlob(pattern, column.name); });
      });
      if (fits) continue;
      idle.push_back({true, found.first, pattern,
                      "these tables have no captured column of such a name (" + rule.origin + ")" +
                          Unmasked(rule) + "; all of them: cdc-to-s3 tables"});
    }
    if (!rule.columns.empty()) AddIdleOptions(rule, tables, &idle);
  }
  return idle;
}

}  // namespace cdc::app

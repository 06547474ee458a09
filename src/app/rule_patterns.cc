#include "app/rule_patterns.h"

#include <algorithm>
#include <map>

#include "base/glob.h"
#include "config/table_rules.h"

namespace cdc::app {
namespace {

using arrow::Result;
using columns::OutputRule;
using source::CaptureInstance;
using ColumnNames = std::vector<std::string>;

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

}  // namespace

Result<std::vector<IdlePattern>> IdlePatterns(source::Source& source, const config::Types& types,
                                              const std::vector<CaptureInstance>& instances) {
  std::map<int64_t, ColumnNames> captured;
  if (std::ranges::any_of(types.rules, NamesColumns)) {
    ARROW_ASSIGN_OR_RAISE(captured, source.CapturedColumns());
  }
  std::vector<IdlePattern> idle;
  for (const OutputRule& rule : types.rules) {
    std::vector<const ColumnNames*> tables;
    for (const CaptureInstance& instance : instances) {
      if (!MatchesTable(rule.tables, instance.schema, instance.table)) continue;
      tables.push_back(&captured[instance.change_table_object_id]);
    }
    if (tables.empty()) {
      idle.push_back({config::NameOf(rule), rule.tables,
                      "no captured table has such a name (" + rule.origin + ")" + Unmasked(rule) +
                          "; all of them: cdc-to-s3 tables"});
      continue;
    }
    for (auto& [setting, pattern] : ColumnPatterns(rule)) {
      const bool fits = std::ranges::any_of(tables, [&](const ColumnNames* names) {
        return std::ranges::any_of(
            *names, [&](const std::string& name) { return MatchesGlob(pattern, name); });
      });
      if (fits) continue;
      idle.push_back({setting, pattern,
                      "these tables have no captured column of such a name (" + rule.origin + ")" +
                          Unmasked(rule) + "; all of them: cdc-to-s3 tables"});
    }
  }
  return idle;
}

}  // namespace cdc::app

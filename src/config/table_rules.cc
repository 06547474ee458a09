#include "config/table_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "config/keys.h"
#include "config/nearest.h"

namespace cdc::config {
namespace {

using arrow::Result;
using arrow::Status;
using columns::OptionKey;
using columns::OptionScope;
using columns::OutputRule;

constexpr char kOnly[] = "columns";
constexpr char kExclude[] = "exclude_columns";

std::string Section(const std::string& table) { return fmt::format("[table.{}]", TomlKey(table)); }

std::string Section(const std::string& table, const std::string& column) {
  return fmt::format("[table.{}.column.{}]", TomlKey(table), TomlKey(column));
}

bool NamesTable(const TomlSetting& setting) {
  return setting.path.size() == 3 && setting.path[2] != "column";
}

bool NamesColumn(const TomlSetting& setting) {
  return setting.path.size() == 5 && setting.path[2] == "column";
}

// A place under `table` where no setting can stand: what was meant, as far as it can be guessed.
Status WrongPlace(const TomlSetting& setting) {
  const auto& path = setting.path;
  if (path.size() <= 2) {
    return Status::Invalid("a table's settings stand in a section of their own, ",
                           Section("Person.*"), "; those of all tables in [types]");
  }
  const std::string& table = path[1];
  if (path[2] != "column" && path[2] != kOnly) {
    const bool lacks_column = table.find('.') != std::string::npos;
    return Status::Invalid("no such section; did you mean ",
                           lacks_column ? Section(table, path[2]) : Section(table + "." + path[2]),
                           "?");
  }
  const bool names_column = path.size() > 3 && columns::FindOption(path[3]) == nullptr;
  std::string column = names_column ? path[3] : "Email*";
  for (size_t i = 4; i + 1 < path.size(); ++i) column += "." + path[i];
  return Status::Invalid("a column's settings stand in a section of their own: ",
                         Section(table, column));
}

// What may stand in the section of a table, or of a column.
std::vector<std::string> Known(bool of_column) {
  std::vector<std::string> known;
  if (!of_column) known = {kOnly, kExclude};
  for (const OptionKey& option : columns::OptionKeys()) {
    if (!of_column || option.scope == OptionScope::kColumn) known.emplace_back(option.name);
  }
  return known;
}

Status SetPatterns(const TomlSetting& setting, std::vector<std::string>* patterns) {
  if (setting.type != TomlSetting::Type::kList) {
    return Status::Invalid("must be a list of texts: [\"Email*\", \"Photo\"]");
  }
  if (setting.list.empty()) return Status::Invalid("is empty and says nothing: leave it out");
  if (std::ranges::find(setting.list, "") != setting.list.end()) {
    return Status::Invalid("holds an empty pattern");
  }
  *patterns = setting.list;
  return Status::OK();
}

Status SetWord(const TomlSetting& setting, const OptionKey& option, OutputRule* rule) {
  if (setting.type != TomlSetting::Type::kString) {
    if (option.words.empty()) return Status::Invalid("must be a text in quotes");
    return Status::Invalid(
        fmt::format("must be one word in quotes: \"{}\"", fmt::join(option.words, "\", \"")));
  }
  ARROW_RETURN_NOT_OK(columns::CheckOption(option, setting.text));
  rule->words[std::string(option.name)] = setting.text;
  return Status::OK();
}

Status Set(const TomlSetting& setting, OutputRule* rule) {
  const std::string& key = setting.path.back();
  const bool of_column = !rule->columns.empty();
  const OptionKey* option = columns::FindOption(key);
  const bool of_tables_only =
      key == kOnly || key == kExclude || (option && option->scope == OptionScope::kTable);
  if (of_column && of_tables_only) {
    return Status::Invalid("is for whole tables: move it to ", Section(rule->tables));
  }
  if (key == kOnly) return SetPatterns(setting, &rule->only);
  if (key == kExclude) return SetPatterns(setting, &rule->exclude);
  if (FindKey("types." + key) != nullptr && option == nullptr) {
    return Status::Invalid("is one for all tables: it stands in [types], or in the environment");
  }
  if (option == nullptr) {
    return Status::Invalid("unknown key; did you mean ", Nearest(key, Known(of_column)), "?");
  }
  return SetWord(setting, *option, rule);
}

Status Add(const TomlSetting& setting, const std::string& origin, std::vector<OutputRule>* rules) {
  if (!NamesTable(setting) && !NamesColumn(setting)) return WrongPlace(setting);
  const std::string& tables = setting.path[1];
  const std::string columns = NamesColumn(setting) ? setting.path[3] : "";
  if (tables.empty() || (NamesColumn(setting) && columns.empty())) {
    return Status::Invalid("an empty pattern names nothing; * is for all");
  }
  auto rule = std::ranges::find_if(*rules, [&](const OutputRule& known) {
    return known.tables == tables && known.columns == columns;
  });
  if (rule == rules->end()) {
    rule = rules->insert(rule, OutputRule());
    rule->tables = tables;
    rule->columns = columns;
    rule->origin = origin;
  }
  return Set(setting, &*rule);
}

}  // namespace

std::string NameOf(const OutputRule& rule) {
  const std::string table = "table." + TomlKey(rule.tables);
  return rule.columns.empty() ? table : table + ".column." + TomlKey(rule.columns);
}

Result<std::vector<OutputRule>> TableRules(std::vector<TomlSetting> settings,
                                           const std::string& file) {
  // Keys arrive sorted by name; of two rules the later one in the file wins.
  std::ranges::sort(settings, {}, [](const TomlSetting& setting) {
    return std::tuple(setting.line, setting.column);
  });
  std::vector<OutputRule> rules;
  for (const TomlSetting& setting : settings) {
    const std::string origin = file + " line " + std::to_string(setting.line);
    const Status status = Add(setting, origin, &rules);
    if (!status.ok()) {
      return Status::Invalid(origin, ": ", setting.name(), ": ", status.message());
    }
  }
  return rules;
}

}  // namespace cdc::config

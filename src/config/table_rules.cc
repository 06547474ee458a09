#include "config/table_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
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

bool SaysColumn(const std::string& part) { return part == "column" || part == kOnly; }

// A place under `table` where no setting can stand: what was meant, as far as it can be guessed.
Status WrongPlace(const TomlSetting& setting) {
  auto path = setting.path;
  if (path.size() <= 2) {
    return Status::Invalid("a table's settings stand in a section of their own, ",
                           Section("Person.*"), "; those of all tables in [types]");
  }
  if (!SaysColumn(path[2])) {
    return Status::Invalid("no such section; did you mean ", MeantSection(path), "?");
  }
  // [table.Orders.column] with Email = "hash" below it: the key is the column.
  const std::string& key = path.back();
  if (key == "column" || columns::FindOption(key) == nullptr) path.emplace_back();
  return Status::Invalid("a column's settings stand in a section of their own: ",
                         MeantSection(path));
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

std::string Joined(std::span<const std::string> parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

}  // namespace

std::string MeantSection(const std::vector<std::string>& path) {
  // Without what is no name of a table at the front, and without the key at the end.
  const auto table = std::ranges::find_if(
      path, [](const std::string& part) { return part == "table" || part == "tables"; });
  const bool says_table = table != path.end() && table + 2 < path.end();
  const size_t first = says_table ? static_cast<size_t>(table - path.begin()) + 1
                                  : (SaysColumn(path.front()) ? 0 : 1);
  const std::span parts = std::span(path).subspan(first, path.size() - 1 - first);
  const auto column = static_cast<size_t>(std::ranges::find_if(parts, SaysColumn) - parts.begin());
  if (column < parts.size()) {
    const std::string of = column == 0 ? "*" : Joined(parts.first(column));
    const std::string name = Joined(parts.subspan(column + 1));
    return Section(of, name.empty() ? "Email*" : name);
  }
  // dbo.Orders, or with a column behind it.
  const size_t of_table = parts.front().find('.') == std::string::npos ? 2 : 1;
  if (parts.size() <= of_table) return Section(Joined(parts));
  return Section(Joined(parts.first(of_table)), Joined(parts.subspan(of_table)));
}

std::string ColumnsBelongElsewhere(std::string_view key) {
  if (key != kOnly && key != kExclude) return "";
  return "which columns are delivered is said by table in the TOML file: " + Section("Person.*") +
         ", or " + Section("*") + " for all";
}

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

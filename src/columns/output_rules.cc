#include "columns/output_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/glob.h"
#include "base/text.h"
#include "columns/type_table.h"

namespace cdc::columns {
namespace {

using arrow::Result;
using arrow::Status;
using Rules = std::vector<const OutputRule*>;

void Set(const OutputRule& rule, Options* options) {
  for (const auto& [name, word] : rule.words) options->Set(name, word);
}

bool NamedByAny(const std::vector<std::string>& patterns, const std::string& column) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return MatchesGlob(pattern, column); });
}

// Whether a pattern is the column's very name: what a rule says of many may not have meant this one.
bool IsNameOf(const std::string& pattern, const std::string& column) {
  return pattern.find_first_of("*?") == std::string::npos && MatchesGlob(pattern, column);
}

bool IsNamedBy(const std::vector<std::string>& patterns, const std::string& column) {
  return std::ranges::any_of(patterns,
                             [&](const std::string& pattern) { return IsNameOf(pattern, column); });
}

// What is left out may be personal data: a rule for some tables must not let out what another one
// keeps back everywhere.
bool IsDelivered(const Rules& of_table, SourceColumn* column) {
  const OutputRule* list = nullptr;
  for (const OutputRule* rule : of_table) {
    if (NamedByAny(rule->exclude, column->name)) {
      column->left_out_by_name = IsNamedBy(rule->exclude, column->name);
      return false;
    }
    if (!rule->only.empty()) list = rule;
  }
  if (list == nullptr) return true;
  column->list = fmt::format("[table.{}] ({})", TomlString(list->tables), list->origin);
  column->listed_by_name = IsNamedBy(list->only, column->name);
  return NamedByAny(list->only, column->name);
}

void RecordDifferences(const Options& table, const SourceColumn& column,
                       std::map<std::string, std::string>* in_effect) {
  for (const auto& [name, word] : column.options.Words()) {
    if (table.Word(name) != word) (*in_effect)[column.name + "." + name] = word;
  }
}

// The setting with which the column has no second field, if there is one.
std::string WithoutSecond(const SqlType& type, const Form& with) {
  std::string words;
  std::string_view option = with.option;
  for (const Form& form : type.forms) {
    if (!form.second.suffix.empty()) continue;
    const bool is_default = form.option.empty();
    if (!is_default) option = form.option;
    const std::string_view word = is_default ? FindOption(option)->default_word : form.word;
    words += fmt::format("{}\"{}\"", words.empty() ? "" : " or ", word);
  }
  return words.empty() ? "" : fmt::format("set {} = {} for it, or ", option, words);
}

// Two columns of one name make a file that no reader opens.
class Names {
 public:
  Status Take(const std::string& name, const std::string& what, std::string_view helps) {
    const auto [other, is_new] = taken_.emplace(name, what);
    if (is_new) return Status::OK();
    return Status::Invalid(what, " and ", other->second, " would both be called ", name, ": ",
                           helps, "leave a column out with exclude_columns; then start again");
  }

  Status TakeSecond(const SourceColumn& column) {
    const SqlType* type = FindSqlType(column);
    // Masked as a token it is one text; one that is not supported is told by whoever reads the
    // table.
    if (type == nullptr || column.options.Is("mask", "hash")) return Status::OK();
    const Form& form = FormOf(*type, column.options);
    if (form.second.suffix.empty()) return Status::OK();
    return Take(column.name + std::string(form.second.suffix),
                fmt::format("{} of column {}", form.second.what, column.name),
                WithoutSecond(*type, form));
  }

 private:
  std::map<std::string, std::string> taken_;
};

Status CheckNames(const TableOutput& output) {
  Names names;
  for (int i = 0; i < kMetadataColumns; ++i) {
    const auto own = ColumnDecoder::MakeMetadata(static_cast<MetadataColumn>(i), output.metadata);
    ARROW_RETURN_NOT_OK(names.Take(own->fields()[0]->name(), "one of CDC's own columns", ""));
  }
  for (const SourceColumn& column : output.columns) {
    ARROW_RETURN_NOT_OK(
        names.Take(column.name, "column " + column.name, "set another meta_prefix, or "));
  }
  for (const SourceColumn& column : output.columns) ARROW_RETURN_NOT_OK(names.TakeSecond(column));
  return Status::OK();
}

// Says what the columns are called: a table that is not read shows them nowhere else.
Status NothingLeft(const Rules& of_table, std::string_view schema, std::string_view table,
                   const std::vector<SourceColumn>& captured) {
  constexpr size_t kNamesMax = 20;
  std::string rules;
  for (const OutputRule* rule : of_table) {
    if (rule->only.empty() && rule->exclude.empty()) continue;
    rules += (rules.empty() ? " (" : ", ") + rule->origin;
  }
  std::string names;
  for (size_t i = 0; i < std::min(captured.size(), kNamesMax); ++i) {
    names += (i == 0 ? "" : ", ") + captured[i].name;
  }
  if (captured.size() > kNamesMax) names += ", …";
  return Status::Invalid(
      "columns and exclude_columns leave no column of ", schema, ".", table, rules,
      "); its captured columns are ", names, "; for none of it: [source] exclude = [",
      TomlString(std::string(schema).append(".").append(table)), "]; then start again");
}

}  // namespace

bool KeepsAnythingBack(const OutputRules& rules) {
  return std::ranges::any_of(rules.rules, [](const OutputRule& rule) {
    const auto mask = rule.words.find("mask");
    return (mask != rule.words.end() && mask->second != "none") || !rule.only.empty() ||
           !rule.exclude.empty();
  });
}

Result<TableOutput> OutputOf(const OutputRules& rules, std::string_view schema,
                             std::string_view table, std::vector<SourceColumn> captured) {
  Rules of_table;
  Rules of_columns;
  for (const OutputRule& rule : rules.rules) {
    if (!MatchesTable(rule.tables, schema, table)) continue;
    (rule.columns.empty() ? of_table : of_columns).push_back(&rule);
  }
  TableOutput output;
  Options& usual = output.metadata;
  for (const OutputRule* rule : of_table) Set(*rule, &usual);
  output.in_effect = usual.Words();

  for (SourceColumn& column : captured) {
    if (!IsDelivered(of_table, &column)) {
      output.left_out.push_back(std::move(column));
      continue;
    }
    column.options = usual;
    for (const OutputRule* rule : of_columns) {
      if (!MatchesGlob(rule->columns, column.name)) continue;
      Set(*rule, &column.options);
      if (rule->words.contains("mask")) {
        column.unmasked_by_name = !column.IsMasked() && IsNameOf(rule->columns, column.name);
      }
    }
    if (column.options.Is("mask", "hash")) {
      if (rules.mask_key == nullptr) {
        return Status::Invalid("column ", column.name, " is to be masked with mask = \"hash\", ",
                               "and there is no key: set [types] mask_key_file (or "
                               "CDC_TYPES_MASK_KEY) to a secret of 16 bytes or more");
      }
      column.options.mask_key = rules.mask_key;
    }
    RecordDifferences(usual, column, &output.in_effect);
    output.columns.push_back(std::move(column));
  }
  if (output.columns.empty() && !captured.empty()) {
    return NothingLeft(of_table, schema, table, output.left_out);
  }
  ARROW_RETURN_NOT_OK(CheckNames(output));
  return output;
}

}  // namespace cdc::columns

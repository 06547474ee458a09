#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "app/human.h"
#include "app/json.h"
#include "app/print.h"
#include "app/type_mapping.h"
#include "app/verb.h"
#include "app/wiring.h"
#include "columns/options.h"
#include "columns/parquet_forms.h"

namespace cdc::app {

namespace {

using columns::ParquetForm;
using Words = std::map<std::string, std::string>;

// Below so many columns of a terminal notes stand under what they are about.
constexpr size_t kWide = 100;

// JSON.

Json ToJson(const MappedType& type) {
  Json forms = Json::array();
  for (const MappedForm& form : type.forms) {
    Json fields = Json::array();
    for (const auto& field : form.fields) {
      fields.push_back({{"name", field->name()}, {"parquet", ParquetText(type, *field)}});
    }
    forms.push_back({{"options", form.words}, {"columns", fields}, {"note", form.note}});
  }
  return {{"sql_type", type.sql_type}, {"forms", forms}};
}

Json ToJson(const std::vector<MappedType>& types) {
  Json json = Json::array();
  for (const MappedType& type : types) json.push_back(ToJson(type));
  return json;
}

Json OptionsJson(const Words& settings) {
  Json options = Json::array();
  for (const auto& key : columns::OptionKeys()) {
    const std::string name(key.name);
    const auto set = settings.find(name);
    options.push_back({{"name", name},
                       {"scope", key.scope == columns::OptionScope::kColumn ? "column" : "table"},
                       {"words", key.words},
                       {"default", key.default_word},
                       {"in_effect", set == settings.end() ? key.default_word : set->second},
                       {"help", key.help}});
  }
  return options;
}

Json FormsJson() {
  Json forms = Json::array();
  for (const ParquetForm& form : columns::ParquetForms()) {
    Json readers;
    for (size_t i = 0; i < form.seen.size(); ++i) {
      const columns::Seen& seen = form.seen[i];
      readers[std::string(columns::kReaderNames[i])] = {{"type", seen.type},
                                                        {"loss", columns::KindOf(seen.loss).word},
                                                        {"setting", seen.setting},
                                                        {"setting_type", seen.setting_type}};
    }
    forms.push_back({{"parquet", form.name}, {"readers", readers}});
  }
  return forms;
}

Json LossesJson() {
  Json losses = Json::object();
  for (const auto& kind : columns::LossKinds()) losses[std::string(kind.word)] = kind.meaning;
  return losses;
}

// Text.

std::string TextOf(const Words& words) {
  std::string text;
  for (const auto& [name, word] : words) text += (text.empty() ? "" : ", ") + name + " = " + word;
  return text;
}

// The text in lines of at most `width`; words are not broken.
std::vector<std::string> LinesOf(const std::string& text, size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return lines;
}

// Cells above each other: what does not fit one line of the table.
using Cell = std::vector<std::string>;

void AddRow(const std::vector<Cell>& cells, std::vector<std::vector<std::string>>* rows) {
  const size_t height = std::ranges::max(cells, {}, &Cell::size).size();
  for (size_t line = 0; line < height; ++line) {
    std::vector<std::string>& row = rows->emplace_back();
    for (const Cell& cell : cells) row.push_back(line < cell.size() ? cell[line] : "");
  }
}

bool IsWide() { return TerminalWidth() == 0 || TerminalWidth() >= kWide; }

// "STRING", and under it "+ __type STRING"
Cell ParquetCell(const MappedType& type, const MappedForm& form) {
  Cell cell;
  for (const auto& field : form.fields) {
    const std::string suffix = field->name().substr(form.fields.front()->name().size());
    cell.push_back((cell.empty() ? "" : "+ " + suffix + " ") + ParquetText(type, *field));
  }
  return cell;
}

// One or more rows for each form.
std::vector<std::vector<std::string>> RowsOf(const MappedType& type, bool wide) {
  constexpr size_t kNoteWidth = 27;
  constexpr size_t kNoteBelowWidth = 35;
  std::vector<std::vector<std::string>> rows;
  for (const MappedForm& form : type.forms) {
    std::vector<Cell> cells = {{TextOf(form.words)}, ParquetCell(type, form)};
    if (wide) {
      cells.push_back(LinesOf(form.note, kNoteWidth));
    } else if (!form.note.empty()) {
      std::ranges::copy(LinesOf("(" + form.note + ")", kNoteBelowWidth),
                        std::back_inserter(cells.back()));
    }
    AddRow(cells, &rows);
  }
  return rows;
}

void AddTypes(const std::string& names, const std::vector<std::vector<std::string>>& rows,
              Columns* table) {
  constexpr size_t kNamesWidth = 18;
  const Cell lines = LinesOf(names, kNamesWidth);
  for (size_t i = 0; i < std::max(lines.size(), rows.size()); ++i) {
    std::vector<std::string> row = {i < lines.size() ? lines[i] : ""};
    if (i < rows.size()) row.insert(row.end(), rows[i].begin(), rows[i].end());
    table->Row(std::move(row));
  }
}

void PrintMapping(const std::vector<MappedType>& types, const std::string& title) {
  const bool wide = IsWide();
  Columns table;
  table.Row({title, "option", "Parquet", wide ? "note" : ""});
  for (size_t i = 0; i < types.size();) {
    const auto rows = RowsOf(types[i], wide);
    std::string names = types[i].sql_type;
    while (++i < types.size() && RowsOf(types[i], wide) == rows) names += ", " + types[i].sql_type;
    AddTypes(names, rows, &table);
  }
  Say("{}", table.ToString(0));
}

std::set<std::string_view> FormNames(const std::vector<MappedType>& types) {
  std::set<std::string_view> names;
  for (const MappedType& type : types) {
    for (const MappedForm& form : type.forms) {
      for (const auto& field : form.fields) {
        if (const auto* found = columns::ParquetFormOf(*field)) names.insert(found->name);
      }
    }
  }
  return names;
}

std::string WhatIsLost(const columns::Seen& seen) {
  std::string text;
  if (!seen.type.empty() && seen.loss != columns::Loss::kNothing) {
    text = columns::KindOf(seen.loss).meaning;
  }
  if (!seen.setting.empty()) {
    text += fmt::format("{}{} with {}", text.empty() ? "" : "; ", seen.setting_type, seen.setting);
  }
  return text;
}

void PrintReaders(const std::vector<MappedType>& types) {
  const size_t loss_width = IsWide() ? 56 : 38;
  const auto names = FormNames(types);
  for (const ParquetForm& form : columns::ParquetForms()) {
    if (!names.contains(form.name)) continue;
    Columns table;
    for (size_t i = 0; i < form.seen.size(); ++i) {
      const columns::Seen& seen = form.seen[i];
      std::vector<std::vector<std::string>> rows;
      AddRow({{std::string(columns::kReaderNames[i])},
              {std::string(seen.type.empty() ? "refuses the file" : seen.type)},
              LinesOf(WhatIsLost(seen), loss_width)},
             &rows);
      for (auto& row : rows) table.Row(std::move(row));
    }
    Say("\n{} in readers\n{}", form.name, table.ToString(2));
  }
}

void PrintLine(const std::string& text) { Say("{}\n", Wrap(text, 0)); }

// A mask is no matter of the type, and left out of what is shown.
void PrintSettings(const config::Config& config) {
  Words words = config.types.words;
  words.erase("mask");
  if (words.empty()) {
    PrintLine("What columns become by default, and what each option makes of them.\n");
    return;
  }
  PrintLine(fmt::format("What columns become with {}, and what each other option makes of them.\n",
                        TextOf(words)));
}

void PrintHints(const config::Config& config, bool all) {
  Say("\n");
  if (all) {
    PrintLine(
        "mask = hash makes STRING of any column (64 hex digits), mask = null leaves its type, "
        "always "
        "NULL.");
    PrintLine(
        "What readers see, for some types: cdc-to-s3 types 'datetime*'; of all: docs/TYPES.md, "
        "--json.");
  }
  if (const auto mask = config.types.words.find("mask"); mask != config.types.words.end()) {
    PrintLine("Without mask = " + mask->second +
              ", which is set for everything: cdc-to-s3 tables shows what comes of it.");
  }
  if (!config.types.rules.empty()) {
    PrintLine("Settings of single tables are not shown here: cdc-to-s3 tables shows them.");
  }
}

int Types(const config::Config& config, const std::vector<std::string>& patterns, bool json) {
  std::vector<std::string> idle;
  std::ranges::copy_if(patterns, std::back_inserter(idle), [&](const std::string& pattern) {
    return MappedTypes(config.types.words, {pattern}).empty();
  });
  if (!idle.empty()) {
    return Fail(
        arrow::Status::Invalid("no captured type fits ", fmt::format("{}", fmt::join(idle, ", ")),
                               "; cdc-to-s3 types lists them"),
        json);
  }
  const auto types = MappedTypes(config.types.words, patterns);
  const bool all = patterns.empty();
  const auto metadata = all ? MappedMetadata(config.types.words) : std::vector<MappedType>();
  if (json) {
    PrintJson({{"types", ToJson(types)},
               {"metadata", ToJson(metadata)},
               {"options", OptionsJson(config.types.words)},
               {"forms", FormsJson()},
               {"losses", LossesJson()}});
    return kExitDone;
  }
  PrintSettings(config);
  PrintMapping(types, "SQL Server");
  if (all) {
    Say("\n");
    PrintMapping(metadata, "CDC's own");
  } else {
    PrintReaders(types);
  }
  PrintHints(config, all);
  return kExitDone;
}

Action Prepare(CLI::App& flags) {
  auto patterns = std::make_shared<std::vector<std::string>>();
  flags.add_option("type", *patterns, "SQL types to show: datetime2, 'date*'");
  return [patterns](const config::Config& config, bool json) {
    return Types(config, *patterns, json);
  };
}

}  // namespace

extern const Verb kTypesVerb = {
    .name = "types",
    .summary = "Show what each SQL type becomes in Parquet",
    .about =
        "Shows what the columns of each SQL type become with these settings, and what each\n"
        "option ([types] in the TOML file, CDC_TYPES_... in the environment) would make of\n"
        "them, masks apart. For named types also what readers of Parquet see, and what is\n"
        "lost in them.\n"
        "Needs neither server nor target.",
    .example =
        "cdc-to-s3 types\ncdc-to-s3 types datetime2 'date*'\n"
        "CDC_TYPES_DATETIME2=nanos cdc-to-s3 types --json",
    .exit_codes = "0 done, 1 a word fits no type, 2 wrong usage or configuration",
    .json =
        "types [sql_type, forms (the first is in effect) [options {name: word}, columns\n"
        "[name, parquet], note]], metadata [the same of CDC's own columns], options [name,\n"
        "scope (column, table), words, default, in_effect, help], forms [parquet, readers\n"
        "{reader: {type (\"\": refused), loss, setting (with which nothing is lost),\n"
        "setting_type}}], losses {loss: meaning}",
    .needs = Needs::kSettings,
    .prepare = Prepare,
};

}  // namespace cdc::app

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "app/captured_tables.h"
#include "app/human.h"
#include "app/json.h"
#include "app/print.h"
#include "app/verb.h"
#include "app/wiring.h"
#include "rules/selection.h"
#include "source/sql.h"
#include "state/state_file.h"

namespace cdc::app {

namespace {

using arrow::Result;
using arrow::Status;

constexpr size_t kLabelWidth = 16;

// A captured table with what the state and the server say of its resume position.
struct Shown {
  CapturedTable captured;
  bool in_state = false;
  std::optional<bool> rows_waiting;  // nothing: not asked, or the server did not answer
};

// Of a table without an entry yet: whether it has rows at all.
Lsn ResumeLsn(const std::optional<state::Document>& document, const CapturedTable& table) {
  const state::Table* entry = EntryOf(document, table.instances.front());
  if (entry == nullptr) return table.instances.front().start_lsn.Previous();
  return document->ResumePosition(*entry).WholeTransactions();
}

Status AskForRows(source::Source& source, const source::PollInfo& info,
                  const std::optional<state::Document>& document, std::vector<Shown>* tables) {
  if (!info.horizon) return Status::OK();
  std::vector<source::Source::Probe> probes;
  std::vector<Shown*> asked;
  for (Shown& table : *tables) {
    if (!table.captured.selected || table.captured.instances.empty()) continue;
    const auto& instance = table.captured.instances.front();
    if (instance.start_lsn.is_zero()) continue;
    probes.push_back({instance, ResumeLsn(document, table.captured)});
    asked.push_back(&table);
  }
  ARROW_ASSIGN_OR_RAISE(const auto answers, source.HaveRows(probes, info.horizon->lsn));
  for (size_t i = 0; i < asked.size(); ++i) {
    if (answers[i].ok()) {
      asked[i]->rows_waiting = *answers[i];
    } else if (asked[i]->captured.not_delivered.empty()) {
      asked[i]->captured.not_delivered = answers[i].status().message();
    }
  }
  return Status::OK();
}

struct ShownColumn {
  const columns::SourceColumn* column;
  bool delivered;
};

// In captured order, those that are left out too.
std::vector<ShownColumn> AllColumns(const source::TableDescription& table) {
  std::vector<ShownColumn> all;
  for (const auto& column : table.columns) all.push_back({&column, true});
  for (const auto& column : table.left_out) all.push_back({&column, false});
  std::ranges::sort(all, {}, [](const ShownColumn& shown) { return shown.column->ordinal; });
  return all;
}

Json ColumnsToJson(const CapturedTable& table) {
  Json columns = Json::array();
  if (!table.description) return columns;
  for (const auto& [shown, delivered] : AllColumns(*table.description)) {
    const columns::SourceColumn& column = *shown;
    Json becomes = Json::array();
    if (delivered) {
      for (const auto& [name, type] : BecomesOf(column)) {
        becomes.push_back({{"name", name}, {"type", type}});
      }
    }
    columns.push_back({{"name", column.name},
                       {"ordinal", column.ordinal},
                       {"column_id", column.column_id},
                       {"sql_type", column.TypeText()},
                       {"computed", column.is_computed},
                       {"delivered", delivered},
                       {"mask", column.options.Word("mask")},
                       {"parquet", becomes}});
  }
  return columns;
}

Json ToJson(const Shown& shown, int32_t offset_minutes) {
  const CapturedTable& table = shown.captured;
  Json instances = Json::array();
  for (const auto& instance : table.instances) {
    instances.push_back({{"name", instance.name},
                         {"change_table", instance.change_table},
                         {"low_end", instance.start_lsn.ToString()},
                         {"created", UtcText(instance.create_date, offset_minutes)}});
  }
  const auto& keys =
      table.description ? table.description->key_columns : std::vector<std::string>();
  return {{"schema", table.schema},
          {"name", table.table},
          {"name_today", table.name_today},
          {"selected", table.selected},
          {"in_state", shown.in_state},
          {"deliverable", table.not_delivered.empty()},
          {"why_not", table.not_delivered},
          {"folder", table.folder},
          {"rows_waiting", shown.rows_waiting ? Json(*shown.rows_waiting) : Json(nullptr)},
          {"capture_instances", instances},
          {"key_columns", keys},
          {"options", table.description ? Json(table.description->options) : Json::object()},
          {"columns", ColumnsToJson(table)}};
}

void PrintLine(const char* label, const std::string& text) {
  Say("  {:<{}}{}\n", label, kLabelWidth - 2, Wrap(text, kLabelWidth));
}

// What differs from the defaults.
void PrintOptions(const std::map<std::string, std::string>& options) {
  std::string text;
  for (const auto& [name, word] : options) {
    const columns::OptionKey* option = columns::FindOption(name);
    if (option != nullptr && word == option->default_word) continue;
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, word);
  }
  if (!text.empty()) PrintLine("options", text);
}

void PrintColumns(const CapturedTable& table) {
  Columns lines;
  for (const auto& [shown, delivered] : AllColumns(*table.description)) {
    const columns::SourceColumn& column = *shown;
    if (!delivered) {
      lines.Row({column.name, column.TypeText(), "left out"});
      continue;
    }
    const auto becomes = BecomesOf(column);
    std::string type = becomes.empty() ? "not supported" : becomes.front().type;
    if (column.is_computed) type += ", always NULL (computed)";
    if (column.options.Is("mask", "null")) type += ", always NULL (mask)";
    if (column.options.Is("mask", "hash")) type += ", masked (hash)";
    lines.Row({column.name, column.TypeText(), type});
    for (size_t i = 1; i < becomes.size(); ++i) lines.Row({becomes[i].name, "", becomes[i].type});
  }
  const Lines text{lines.ToString(kLabelWidth).text.substr(kLabelWidth)};
  Say("  {:<{}}{}", "columns", kLabelWidth - 2, text);
}

void Print(const Shown& shown, int32_t offset_minutes, UtcTime now) {
  const CapturedTable& table = shown.captured;
  Say("{}{}\n", table.Name(), table.selected ? "" : "  (not selected)");
  if (!table.name_today.empty()) {
    PrintLine("today", table.name_today +
                           ": it was renamed; settings and folder go by the name "
                           "above");
  }
  if (!table.not_delivered.empty()) PrintLine("NOT READ", table.not_delivered);
  if (!table.folder.empty()) PrintLine("folder", table.folder);
  for (const auto& instance : table.instances) {
    const auto created = FromServerTime(instance.create_date, offset_minutes);
    PrintLine("instance", fmt::format("{}, {}{}", instance.name,
                                      instance.start_lsn.is_zero()
                                          ? "not seen by the capture process yet"
                                          : "readable from LSN " + instance.start_lsn.ToString(),
                                      created ? ", made " + Ago(*created, now) : ""));
  }
  if (!table.description) return;
  const auto& keys = table.description->key_columns;
  PrintLine("key", keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", ")));
  if (table.selected) {
    const char* waiting = !shown.rows_waiting ? "unknown" : *shown.rows_waiting ? "yes" : "no";
    PrintLine("rows waiting",
              fmt::format("{}{}", waiting, shown.in_state ? "" : " (not in the state yet)"));
  }
  PrintOptions(table.description->options);
  PrintColumns(table);
}

struct View {
  std::string database;
  source::PollInfo info;
  std::vector<Shown> tables;
};

// By its present name; a hidden one has none.
bool IsCalled(const CapturedTable& table, const rules::TableSelection& wanted) {
  return std::ranges::any_of(table.instances, [&](const source::CaptureInstance& instance) {
    return wanted.Selects(instance.schema, instance.table);
  });
}

Result<View> Look(const config::Config& config, const std::vector<std::string>& patterns) {
  ARROW_ASSIGN_OR_RAISE(const auto source, source::ConnectSqlServer(SourceOptions(config)));
  ARROW_ASSIGN_OR_RAISE(const auto identity, source->Identify());
  View view;
  view.database = identity.name;
  if (!identity.cdc_enabled) {
    return Status::Invalid("change data capture is not enabled in database ", identity.name,
                           ". What helps: ", source::sql::EnableCdc(identity.name));
  }
  ARROW_ASSIGN_OR_RAISE(view.info, source->Poll(std::nullopt));
  const auto wanted = rules::TableSelection::Make(patterns, {});
  // The state is welcome, not needed: without it nobody knows which rows were delivered.
  const auto state = ReadState(config, view.database);
  if (!state.ok()) PrintError(state.status());
  const KnownState known = state.ValueOr(KnownState{std::nullopt, state::OtherTables()});
  const auto& document = known.document;
  for (CapturedTable& table : LookAtTables(*source, config, view.database, view.info, known)) {
    const bool asked = wanted.Selects(table.schema, table.table) || IsCalled(table, wanted);
    if (!asked) continue;
    const bool in_state =
        table.instances.empty() || EntryOf(document, table.instances.front()) != nullptr;
    view.tables.push_back({std::move(table), in_state, std::nullopt});
  }
  ARROW_RETURN_NOT_OK(AskForRows(*source, view.info, document, &view.tables));
  return view;
}

int Tables(const config::Config& config, const std::vector<std::string>& patterns, bool json) {
  const auto view = Look(config, patterns);
  if (!view.ok()) return Fail(view.status(), json);
  const int32_t offset = view->info.server_offset_minutes;
  if (json) {
    Json tables = Json::array();
    for (const Shown& table : view->tables) tables.push_back(ToJson(table, offset));
    PrintJson({{"database", view->database}, {"tables", tables}});
  }
  bool all_good = true;
  for (size_t i = 0; i < view->tables.size(); ++i) {
    const Shown& table = view->tables[i];
    all_good &= !table.captured.selected || table.captured.not_delivered.empty();
    if (json) continue;
    if (i > 0) Say("\n");
    Print(table, offset, view->info.server_utc);
  }
  if (view->tables.empty() && !json) {
    Say("no captured table{} in database {}\n", patterns.empty() ? "" : " fits these patterns",
        view->database);
  }
  return all_good ? kExitDone : kExitAttention;
}

Action Prepare(CLI::App& flags) {
  auto patterns = std::make_shared<std::vector<std::string>>();
  flags.add_option("pattern", *patterns, "Tables to show, as in [source] tables");
  return [patterns](const config::Config& config, bool json) {
    return Tables(config, *patterns, json);
  };
}

}  // namespace

extern const Verb kTablesVerb = {
    .name = "tables",
    .summary = "Show captured tables and what their columns become",
    .about =
        "Shows every captured table, or those that fit a pattern: its capture instances,\n"
        "whether it is selected, its folder, its key, what its columns become, and whether\n"
        "rows wait to be delivered; and selected tables of the state that are not captured\n"
        "any more. A table that cannot be delivered says why.",
    .example = "cdc-to-s3 tables\ncdc-to-s3 tables 'Sales.*' --json",
    .exit_codes =
        "0 done, 1 failed, 2 wrong usage or configuration, 3 a selected\n"
        "table cannot be delivered",
    .json =
        "database, tables [schema, name, name_today, selected, in_state, deliverable, why_not, "
        "folder,\n"
        "rows_waiting (true, false, null: not known), capture_instances [name,\n"
        "change_table, low_end, created], key_columns [name], options (as in the files'\n"
        "footers), columns [name, ordinal, column_id, sql_type, computed, delivered, mask,\n"
        "parquet [name, type]]]",
    .needs = Needs::kSourceAndTarget,
    .prepare = Prepare,
};

}  // namespace cdc::app

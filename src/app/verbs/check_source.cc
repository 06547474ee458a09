#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "app/rule_patterns.h"
#include "app/verbs/check_parts.h"
#include "app/wiring.h"
#include "rules/same_database.h"
#include "rules/selection.h"
#include "rules/table_identity.h"
#include "source/sql.h"

namespace cdc::app {

namespace {

// Readers tell rows apart by the key. A hash keeps it usable: same value, same token.
void NoteKeyColumns(const CapturedTable& table, Findings* findings) {
  if (!table.description) return;
  const auto is_key = [&keys = table.description->key_columns](const std::string& name) {
    return std::ranges::find(keys, name) != keys.end();
  };
  for (const columns::SourceColumn& column : table.description->columns) {
    if (!column.options.Is("mask", "null") || !is_key(column.name)) continue;
    findings->Note(fmt::format(
        "{}: key column {} is always NULL (mask = \"null\"), so readers cannot tell which row was "
        "changed; mask = \"hash\" keeps keys usable",
        table.Name(), column.name));
  }
  for (const columns::SourceColumn& column : table.description->left_out) {
    if (!is_key(column.name)) continue;
    findings->Note(
        fmt::format("{}: key column {} is left out, so readers cannot tell which row was changed",
                    table.Name(), column.name));
  }
}

void CheckPatterns(source::Source& source, const config::Config& config, const Sight& sight,
                   Findings* findings) {
  const auto idle = IdleSettings(source, config.types, sight.instances, sight.document);
  if (!idle.ok()) return findings->Bad(idle.status().message());
  for (const IdleSetting& setting : *idle) {
    findings->Note(fmt::format("{}: {}", setting.setting, setting.Text()));
  }
}

// As a run judges it before it reads anything.
void CheckDatabase(const source::DatabaseIdentity& identity, const source::PollInfo& info,
                   const Sight& sight, Findings* findings) {
  if (!sight.document) return;
  const auto verdict = rules::JudgeDatabase(*sight.document, identity, info);
  if (verdict.history == rules::History::kReplaced) {
    return findings->Bad("the database was restored or replaced: " + verdict.why + ". " +
                         rules::AdviceForReplaced(*sight.document, info));
  }
  if (!verdict.why.empty()) findings->Note(verdict.why);
  if (verdict.changed.empty()) return;
  findings->Note(verdict.changed +
                 ": its newest known change is there, with its time, so it is the same database");
}

void CheckTables(const Sight& sight, Findings* findings) {
  size_t selected = 0, readable = 0;
  for (const CapturedTable& table : sight.tables) {
    if (!table.selected) continue;
    if (!table.name_today.empty()) {
      findings->Note(table.Name() + " is called " + table.name_today +
                     " today; settings and folder go by the name that it had first");
    }
    ++selected;
    NoteKeyColumns(table, findings);
    if (table.not_delivered.empty()) {
      ++readable;
    } else {
      findings->Bad(table.Name() + " is left out, the other tables go on: " + table.not_delivered);
    }
  }
  if (sight.instances.empty()) {
    findings->Bad(
        "no table is captured: EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name "
        "= N'<table>', @role_name = NULL");
  } else if (selected == 0) {
    findings->Bad("[source] tables and exclude leave none of the captured tables");
  } else {
    findings->Good(fmt::format("{} of {} captured tables can be delivered", readable, selected));
  }
}

void CheckRights(source::Source& source, const config::Config& config, const Sight& sight,
                 const source::PollInfo& info, Findings* findings) {
  const auto selection = rules::TableSelection::Make(config.source.tables, config.source.exclude);
  std::vector<source::Source::Probe> probes;
  for (const auto& instance : info.instances) {
    const state::Table* entry = EntryOf(sight.document, instance);
    const auto called = entry != nullptr ? rules::AsCalledIn(*entry, instance) : instance;
    if (selection.Selects(called.schema, called.table)) probes.push_back({called, Lsn{}});
  }
  const auto answers = source.HaveRows(probes, Lsn::Max());
  if (!answers.ok()) return findings->Bad(answers.status().message());
  for (size_t i = 0; i < answers->size(); ++i) {
    if (!(*answers)[i].ok()) findings->Bad((*answers)[i].status().message());
  }
}

// "UTC+05:30"
std::string Offset(int32_t minutes) {
  const int32_t size = std::abs(minutes);
  return fmt::format("UTC{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

// On servers that do not tell their zone.
void CheckCommitTimes(const source::DatabaseIdentity& identity, int32_t offset_minutes,
                      const config::Config& config, Findings* findings) {
  switch (identity.commit_time_mode) {
    case source::CommitTimeMode::kServerZone:
      return;
    case source::CommitTimeMode::kNamedZone:
      return findings->Good("commit times become UTC by [source] time_zone \"" +
                            config.source.time_zone + "\"");
    case source::CommitTimeMode::kOffsetNow:
      return findings->Note(fmt::format(
          "commit times become UTC by the server's offset of now ({}), for it does not tell its "
          "time zone: of rows from before a change of summer time __$commit_time is an hour off, "
          "and start = TIME may begin up to two hours early. Where the zone has no summer time "
          "nothing is off; else, from SQL Server 2016 on, set [source] time_zone",
          Offset(offset_minutes)));
  }
}

}  // namespace

Sight CheckSource(const config::Config& config, Findings* findings) {
  findings->Section("source");
  Sight sight{config.source.database, {}, {}, {}};
  const auto connected = source::ConnectSqlServer(SourceOptions(config));
  if (!connected.ok()) {
    findings->Bad(connected.status().message());
    return sight;
  }
  source::Source& source = **connected;
  const auto identity = source.Identify();
  if (!identity.ok()) {
    findings->Bad(identity.status().message());
    return sight;
  }
  sight.database = identity->name;
  findings->Good(fmt::format("connected to {} (SQL Server {}), database {}", identity->server_name,
                             identity->version, identity->name));
  CheckEncryption(source, *identity, findings);
  if (!identity->cdc_enabled) {
    findings->Bad("change data capture is not enabled: " + source::sql::EnableCdc(identity->name));
    return sight;
  }
  // What is wrong with the state is said of the target.
  const KnownState known =
      ReadState(config, sight.database).ValueOr(KnownState{std::nullopt, state::OtherTables()});
  sight.document = known.document;
  const auto& anchor = sight.document ? sight.document->anchor : std::nullopt;
  const auto info = source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt);
  if (!info.ok()) {
    findings->Bad(info.status().message());
    return sight;
  }
  sight.instances = info->instances;
  if (info->horizon) {
    findings->Good(
        fmt::format("changes are captured up to LSN {}, committed {} (server time is {})",
                    info->horizon->lsn.ToString(), info->horizon->tran_end_time,
                    Offset(info->server_offset_minutes)));
  } else {
    findings->Note(
        "nothing was captured yet (or cleanup emptied it); is SQL Server Agent running?");
  }
  CheckCommitTimes(*identity, info->server_offset_minutes, config, findings);
  CheckDatabase(*identity, *info, sight, findings);
  sight.tables = LookAtTables(source, config, sight.database, *info, known);
  CheckTables(sight, findings);
  CheckPatterns(source, config, sight, findings);
  CheckRights(source, config, sight, *info, findings);
  return sight;
}

}  // namespace cdc::app

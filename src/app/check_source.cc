#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "app/check_parts.h"
#include "app/wiring.h"
#include "capture/naming.h"

namespace cdc::app {

namespace {

void CheckTables(source::Source& source, const config::Config& config, const source::PollInfo& info,
                 Findings* findings) {
  std::set<std::string> folders;
  size_t readable = 0;
  for (const auto& instance : info.instances) {
    if (instance.table.empty()) {
      findings->Bad("the source table of capture instance " + instance.name +
                    " is hidden from this login: GRANT VIEW DEFINITION TO [" + config.source.user +
                    "]");
      continue;
    }
    const std::string name = instance.schema + "." + instance.table;
    const auto description = source.Describe(instance);
    const Position nowhere = Position::After(Lsn::Max());
    const arrow::Status types = description.ok()
                                    ? source.Read(*description, nowhere, nowhere).status()
                                    : description.status();
    const auto names = capture::TableNames::Make(config.target.path, config.source.database,
                                                 instance.schema, instance.table);
    if (!types.ok()) {
      findings->Bad(name + " is left out, the other tables go on: " + types.message());
    } else if (!names.ok()) {
      findings->Bad(names.status().message());
    } else if (!folders.insert(names->folder()).second) {
      findings->Bad(name + " would share the folder " + names->folder() +
                    "; set [target] path = \"{database}/{schema}/{table}/cdc\"");
    } else {
      ++readable;
    }
  }
  if (info.instances.empty()) {
    findings->Bad(
        "no table is captured: EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name "
        "= "
        "N'<table>', @role_name = NULL");
  } else {
    findings->Good(
        fmt::format("{} of {} captured tables can be delivered", readable, info.instances.size()));
  }
}

void CheckRights(source::Source& source, const source::PollInfo& info, Findings* findings) {
  std::vector<source::Source::Probe> probes;
  for (const auto& instance : info.instances) probes.push_back({instance, Lsn{}});
  const auto answers = source.HaveRows(probes, Lsn::Max());
  if (!answers.ok()) return findings->Bad(answers.status().message());
  for (size_t i = 0; i < answers->size(); ++i) {
    if (!(*answers)[i].ok()) findings->Bad((*answers)[i].status().message());
  }
}

}  // namespace

Sight CheckSource(const config::Config& config, Findings* findings) {
  findings->Section("source");
  Sight sight{config.source.database, {}};
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
  findings->Note(
      fmt::format("driver {}: the login is encrypted where the server offers it, its certificate "
                  "is not checked, "
                  "data is in clear; use a network that you trust, or a tunnel",
                  identity->driver));
  if (!identity->cdc_enabled) {
    findings->Bad(fmt::format(
        "change data capture is not enabled: USE [{}]; EXEC sys.sp_cdc_enable_db", identity->name));
    return sight;
  }
  const auto info = source.Poll(std::nullopt);
  if (!info.ok()) {
    findings->Bad(info.status().message());
    return sight;
  }
  sight.instances = info->instances;
  if (info->horizon) {
    findings->Good(fmt::format(
        "changes are captured up to LSN {}, committed {} (server time is UTC{:+03}:{:02})",
        info->horizon->lsn.ToString(), info->horizon->tran_end_time,
        info->server_offset_minutes / 60, std::abs(info->server_offset_minutes) % 60));
  } else {
    findings->Note(
        "nothing was captured yet (or cleanup emptied it); is SQL Server Agent running?");
  }
  CheckTables(source, config, *info, findings);
  CheckRights(source, *info, findings);
  return sight;
}

}  // namespace cdc::app

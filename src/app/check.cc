#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/verbs.h"
#include "app/wiring.h"
#include "base/text.h"
#include "capture/folders.h"
#include "capture/naming.h"
#include "state/state_file.h"
#include "store/probe.h"

namespace cdc::app {

namespace {

// What check prints: one line a finding, and at the end what is to be done.
class Findings {
 public:
  void Good(const std::string& what) { fmt::print("  ok    {}\n", what); }
  void Note(const std::string& what) { fmt::print("  note  {}\n", what); }
  void Bad(const std::string& what) {
    fmt::print("  BAD   {}\n", what);
    bad_.push_back(what);
  }
  void Section(const char* name) { fmt::print("{}\n", name); }

  int Conclude() const {
    if (bad_.empty()) {
      fmt::print("\nEverything is in place: cdc-to-s3 run\n");
      return kExitDone;
    }
    fmt::print("\nTo fix:\n");
    for (size_t i = 0; i < bad_.size(); ++i) fmt::print("  {}. {}\n", i + 1, bad_[i]);
    return kExitFailed;
  }

 private:
  std::vector<std::string> bad_;
};

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

// What the source has shown of itself, as far as it was reached.
struct Sight {
  std::string database;  // as the server spells it
  std::vector<source::CaptureInstance> instances;
};

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

// Whether a table's folder holds what the document says; nothing if a program delivers meanwhile.
arrow::Status CheckTableFolder(const Stores& stores, const config::Config& config,
                               const Sight& sight, const source::CaptureInstance& instance,
                               const std::optional<state::Stored>& stored) {
  const auto names = capture::TableNames::Make(config.target.path, sight.database, instance.schema,
                                               instance.table);
  if (!names.ok()) return arrow::Status::OK();  // said already
  const std::string name = instance.schema + "." + instance.table;
  std::string last;
  if (stored) {
    const auto known = stored->document.tables.find(name);
    if (known != stored->document.tables.end() && known->second.claim) {
      last = known->second.claim->key;
    }
  }
  arrow::Status checked = capture::CheckFolder(*stores.data, *names, last, name);
  if (checked.ok()) return checked;
  if (stores.local_state && store::KindOf(checked) == store::ErrorKind::kDenied) {
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto now,
                        state::ReadDocument(stores.state(), {sight.database, config.run.group}));
  const bool moved =
      now.has_value() != stored.has_value() || (now && now->version != stored->version);
  return moved ? arrow::Status::OK() : checked;
}

void CheckState(const Stores& stores, const config::Config& config, const Sight& sight,
                Findings* findings) {
  const auto stored = state::ReadDocument(stores.state(), {sight.database, config.run.group});
  if (!stored.ok()) return findings->Bad(stored.status().message());
  if (!*stored) {
    findings->Good("no state document yet: the first run begins one");
  } else {
    const auto& owner = (*stored)->document.owner;
    findings->Good(fmt::format("state document: {} tables, last owner process {} on {} since {}",
                               (*stored)->document.tables.size(), owner.pid, owner.host,
                               owner.since));
  }
  for (const auto& instance : sight.instances) {
    if (instance.table.empty()) continue;
    const arrow::Status checked = CheckTableFolder(stores, config, sight, instance, *stored);
    if (!checked.ok()) {
      findings->Bad(instance.schema + "." + instance.table + ": " + checked.message());
    }
  }
}

void CheckTarget(const config::Config& config, const Sight& sight, Findings* findings) {
  findings->Section("target");
  const auto stores = OpenStores(config);
  if (!stores.ok()) return findings->Bad(stores.status().message());
  if (stores->local_state) {
    findings->Note(
        "the state is in a local directory: one copy of the program only, a lost or restored disk "
        "can repeat "
        "changes, and after a crash a key is overwritten with the same rows");
  } else {
    const auto conditions = store::ProbeConditions(*stores->data);
    if (!conditions.ok()) return findings->Bad(conditions.status().message());
    if (!conditions->BothHold()) return findings->Bad(conditions->advice);
    findings->Good(stores->data->url() +
                   " can be written and keeps both conditions (If-None-Match, If-Match)");
  }
  if (const auto listed = stores->data->List("", "", 1); !listed.ok()) {
    if (stores->local_state) {
      findings->Note("cannot list: " + listed.status().message());
    } else {
      return findings->Bad(listed.status().message());
    }
  }
  CheckState(*stores, config, sight, findings);
}

}  // namespace

int Check(const config::Config& config) {
  Findings findings;
  findings.Section("settings");
  fmt::print("{}", config::Describe(config));
  const Sight sight = CheckSource(config, &findings);
  CheckTarget(config, sight, &findings);
  findings.Section("memory");
  findings.Good(MemoryFormula(config));
  if (const auto temp = CheckTempDir(config); !temp.ok()) findings.Bad(temp.message());
  return findings.Conclude();
}

}  // namespace cdc::app

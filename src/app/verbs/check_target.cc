#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "app/verbs/check_parts.h"
#include "app/wiring.h"
#include "capture/folders.h"
#include "rules/found_folders.h"
#include "rules/naming.h"
#include "state/state_file.h"
#include "store/probe.h"

namespace cdc::app {

namespace {

// Whether a table's folder holds what the document says; nothing if a program delivers meanwhile.
arrow::Status CheckTableFolder(const Stores& stores, const config::Config& config,
                               const Sight& sight, const CapturedTable& table,
                               const std::optional<state::Stored>& stored) {
  ARROW_ASSIGN_OR_RAISE(
      const auto names,
      rules::TableNames::Make(config.target.path, sight.database, table.schema, table.table));
  std::string last;
  if (stored) {
    const auto known = stored->document.tables.find(table.Name());
    if (known != stored->document.tables.end() && known->second.claim) {
      last = known->second.claim->key;
    }
  }
  const int number = std::max(names.FolderNumber(table.folder), 1);
  arrow::Status checked =
      capture::CheckFolder(*stores.data, names.InFolder(number), last, table.Name());
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

// They may go on with the settings that are checked here; what stopped them is not looked at again.
void NoteStopped(const state::Document& document, Findings* findings) {
  for (const auto& [name, table] : document.tables) {
    if (table.stopped.empty()) continue;
    findings->Note(
        fmt::format("{} was stopped when the program last looked: {}", name, table.stopped));
  }
}

void CheckState(const Stores& stores, const config::Config& config, const Sight& sight,
                Findings* findings) {
  const auto stored = state::ReadDocument(stores.state(), {sight.database, config.run.group});
  if (!stored.ok()) return findings->Bad(stored.status().message());
  if (!*stored) {
    const arrow::Status shared = capture::RefuseSharedFolders(
        CaptureOptions(config, sight.database), stores.state(), sight.instances);
    if (!shared.ok()) return findings->Bad(shared.message());
    findings->Good("no state document yet: the first run begins one");
  } else {
    const auto& owner = (*stored)->document.owner;
    findings->Good(fmt::format("state document: {} tables, last owner process {} on {} since {}",
                               (*stored)->document.tables.size(), owner.pid, owner.host,
                               owner.since));
    NoteStopped((*stored)->document, findings);
  }
  // What keeps a table from being delivered anyway was said already.
  for (const CapturedTable& table : sight.tables) {
    if (!table.selected || !table.not_delivered.empty()) continue;
    const arrow::Status checked = CheckTableFolder(stores, config, sight, table, *stored);
    if (!checked.ok()) findings->Bad(table.Name() + ": " + checked.message());
  }
}

}  // namespace

void CheckTarget(const config::Config& config, const Sight& sight, Findings* findings) {
  findings->Section("target");
  const auto stores = OpenStores(config);
  if (!stores.ok()) return findings->Bad(stores.status().message());
  if (!stores->credentials_from.empty()) {
    findings->Good("credentials come from " + stores->credentials_from);
  }
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
  const std::string folder = rules::CommonFolder(config.target.path, sight.database);
  const auto object = store::ProbeObject(*stores->data, folder);
  if (!object.ok()) findings->Bad(object.status().message());
  if (object.ok())
    findings->Good("objects can be put into " + stores->data->url() +
                   (folder.empty() ? "" : "/" + folder));
  if (object.ok() && *object == store::Condition::kIgnored) {
    findings->Note(
        stores->data->url() +
        " does not keep user metadata (x-amz-meta-...): objects are known by their footers "
        "instead, at the price of a further short GET where one is looked at");
  }
  if (const auto listed = stores->data->List("", "", 1); !listed.ok()) {
    if (stores->local_state) {
      findings->Note("cannot list: " + listed.status().message());
    } else {
      return findings->Bad(listed.status().message());
    }
  }
  CheckState(*stores, config, sight, findings);
  for (const std::string& note : stores->TakeNotes()) findings->Note(note);
}

}  // namespace cdc::app

#include <fmt/format.h>

#include "base/events.h"
#include "base/fault.h"
#include "base/random.h"
#include "capture/capture.h"
#include "capture/folders.h"
#include "capture/groups.h"
#include "rules/found_folders.h"
#include "rules/naming.h"
#include "rules/same_database.h"
#include "rules/selection.h"
#include "state/folders.h"

// How a program comes to own a document.

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;
using source::CaptureInstance;
using source::PollInfo;

// One folder of a database that has no document yet.
Status RefuseForgotten(const Options& options, const Surroundings& with,
                       const rules::TableNames& names, const std::string& table) {
  const Status checked = UnlessListingIsOptional(options, CheckFolder(with.data, names, "", table));
  if (IsStopsEverything(checked)) {
    // Another group's objects lie there by right; the table stops by itself later.
    ARROW_ASSIGN_OR_RAISE(const auto others,
                          state::FoldersOfOthers(with.state, options.document()));
    return others.contains(names.folder()) ? Status::OK() : checked;
  }
  // What concerns one table only stops it when it comes in.
  return FaultOf(checked).reach <= Reach::kTable ? Status::OK() : checked;
}

// Folders of tables that are called otherwise today, or are not captured any more.
Status RefuseFoundFolders(const Options& options, const Surroundings& with, const PollInfo& info) {
  const auto selection = rules::TableSelection::Make(options.tables, options.exclude);
  // Another group's document that cannot be read concerns us only if something is found.
  const auto others = state::FoldersOfOthers(with.state, options.document());
  const auto is_known = [&](const std::string& folder) {
    return others.ok() && others->contains(folder);
  };
  const auto see = [&](const rules::FoundFolder& found) -> Result<bool> {
    if (found.record.database != options.database ||
        !rules::Concerns(found.record, selection, info.instances)) {
      return true;
    }
    ARROW_RETURN_NOT_OK(others.status());
    return NotKnownToDocument(with.data, found.key, found.record.schema + "." + found.record.table);
  };
  return rules::WalkFolders(with.data, options.path, options.database, is_known, see).status();
}

// A first document must not be begun over objects of an earlier one.
Status RefuseForgottenObjects(const Options& options, const Surroundings& with) {
  ARROW_ASSIGN_OR_RAISE(const PollInfo info, with.source.Poll(std::nullopt));
  const rules::TableSelection selection =
      rules::TableSelection::Make(options.tables, options.exclude);
  Status first;
  for (const CaptureInstance& instance : info.instances) {
    if (instance.table.empty() || !selection.Selects(instance.schema, instance.table)) continue;
    ARROW_ASSIGN_OR_RAISE(
        const auto names,
        rules::TableNames::Make(options.path, options.database, instance.schema, instance.table));
    with.executor.Post(Executor::Lane::kPut,
                       [&options, &with, &first, names, table = instance.QualifiedName()] {
                         const Status refused = RefuseForgotten(options, with, names, table);
                         return [&first, refused] {
                           if (first.ok()) first = refused;
                           return Status::OK();
                         };
                       });
  }
  while (with.executor.under_way() > 0 && first.ok()) {
    if (const auto then = with.executor.Wait(std::chrono::seconds(1)))
      ARROW_RETURN_NOT_OK((*then)());
  }
  with.executor.Abandon();
  ARROW_RETURN_NOT_OK(first);
  return UnlessListingIsOptional(options, RefuseFoundFolders(options, with, info));
}

// Before anything is taken over from anybody. Where nothing has changed, the first round asks.
Status RefuseOtherDatabase(const state::Document& document, const Surroundings& with,
                           const source::DatabaseIdentity& identity) {
  if (!rules::DiffersFrom(document, rules::IdentityOf(document, identity))) return Status::OK();
  const auto& anchor = document.anchor;
  ARROW_ASSIGN_OR_RAISE(const PollInfo info,
                        with.source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt));
  const auto verdict = rules::JudgeDatabase(document, identity, info);
  if (verdict.history != rules::History::kReplaced) return Status::OK();
  return StopsEverything("the database was restored or replaced: " + verdict.why +
                         ". Nothing was read. " + rules::AdviceForReplaced(document, info));
}

}  // namespace

Result<std::unique_ptr<Capture>> Capture::Start(const Options& options, const Surroundings& with) {
  ARROW_ASSIGN_OR_RAISE(const auto identity, with.source.Identify());
  ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(with.state, options.document()));
  if (stored) {
    ARROW_RETURN_NOT_OK(RefuseOtherDatabase(stored->document, with, identity));
  } else {
    if (!rules::TellsDatabasesApart(options.path)) {
      ARROW_ASSIGN_OR_RAISE(const PollInfo info, with.source.Poll(std::nullopt));
      ARROW_RETURN_NOT_OK(RefuseSharedFolders(options, with.state, info.instances));
    }
    const Status forgotten = RefuseForgottenObjects(options, with);
    if (IsStopsEverything(forgotten)) {
      // Unless another copy has begun the document meanwhile, and the objects are its own.
      ARROW_ASSIGN_OR_RAISE(const auto begun, state::ReadDocument(with.state, options.document()));
      if (begun) return state::OwnershipLost("another copy has just begun the state document");
    }
    ARROW_RETURN_NOT_OK(forgotten);
  }
  state::Document fresh;
  fresh.database = options.database;
  fresh.group = options.group;
  fresh.database_guid = identity.guid;
  fresh.family_guid = identity.family_guid;
  fresh.recovery_fork_guid = identity.recovery_fork_guid;
  fresh.history_id = RandomHex(16);
  ARROW_ASSIGN_OR_RAISE(auto owned, state::OwnedDocument::TakeOver(with.state, with.clock, stored,
                                                                   fresh, options.lease));
  LogEvent(Level::kInfo, "took_over",
           {{"database", options.database},
            {"tables", owned.document().tables.size()},
            {"owner", owned.document().owner.id},
            {"previous_owner", stored ? stored->document.owner.id : "none"}});
  auto capture = std::unique_ptr<Capture>(new Capture(options, with, std::move(owned)));
  for (const auto& [name, table] : capture->document().tables) {
    capture->context_.known[name].unconfirmed = table.claim && !table.claim->confirmed;
  }
  return capture;
}

}  // namespace cdc::capture

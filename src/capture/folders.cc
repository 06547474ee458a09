#include "capture/folders.h"

#include "capture/groups.h"
#include "parquet/stored_object.h"
#include "rules/further_folders.h"
#include "rules/holders.h"
#include "state/folders.h"

namespace cdc::capture {

namespace {

using arrow::Status;

// Of a folder's listing; a lost document shows itself in the first object.
constexpr int64_t kListedMax = 1000;

// What lies in one folder after `last_key`.
Status CheckListed(store::Store& data, const rules::TableNames& names, const std::string& last_key,
                   const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(const auto objects, data.List(names.folder(), last_key, kListedMax));
  std::string foreign;
  for (const store::ObjectInfo& object : objects) {
    if (!object.key.ends_with(".parquet")) continue;
    ARROW_ASSIGN_OR_RAISE(const pq::ObjectThere found, pq::IdentifyObject(data, object.key));
    if (!found.there) continue;  // moved away since it was listed
    if (found.identity) {
      return NotKnownToDocument(data, object.key, table);
    }
    if (foreign.empty()) foreign = object.key;
  }
  if (foreign.empty()) return Status::OK();
  return StopsTable(
      "the folder holds a Parquet file that is not ours, " + data.url() + "/" + foreign +
      "; readers would take it for changes. Move it elsewhere, or choose another [target] path");
}

// A document that was set back does not know that the table has gone on in a further folder.
Status CheckFurther(store::Store& data, const rules::TableNames& names, const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(const auto numbers, rules::FurtherFolders(data, names));
  for (const int number : numbers) {
    if (number <= names.FolderNumber(names.folder())) continue;
    ARROW_RETURN_NOT_OK(CheckListed(data, names.InFolder(number), "", table));
  }
  return Status::OK();
}

}  // namespace

Status NotKnownToDocument(const store::Store& data, const std::string& key,
                          const std::string& table) {
  return StopsEverything("the state document does not know the object " + data.url() + "/" + key +
                         " of table " + table +
                         ": the document was deleted or set back to an older version, and "
                         "going on would deliver rows twice. Nothing was read. Stop every copy, "
                         "put the newest version of the document back; if there is none, "
                         "rebuild it from the objects: cdc-to-s3 adopt");
}

Status CheckFolder(store::Store& data, const rules::TableNames& names, const std::string& last_key,
                   const std::string& table) {
  ARROW_RETURN_NOT_OK(CheckListed(data, names, last_key, table));
  return CheckFurther(data, names, table);
}

Status RefuseSharedFolders(const Options& options, store::Store& state,
                           const std::vector<source::CaptureInstance>& instances) {
  if (rules::TellsDatabasesApart(options.path)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto others, state::FoldersOfOtherDatabases(state, options.database));
  const auto selection = rules::TableSelection::Make(options.tables, options.exclude);
  for (const source::CaptureInstance& instance : instances) {
    if (instance.table.empty() || !selection.Selects(instance.schema, instance.table)) continue;
    const auto names =
        rules::TableNames::Make(options.path, options.database, instance.schema, instance.table);
    const auto other = names.ok() ? others.find(names->folder()) : others.end();
    if (other == others.end()) continue;
    return StopsEverything(
        "table " + instance.QualifiedName() + " would get the folder " + names->folder() +
        ", which a table of another database has (its state is " + other->second +
        "). Nothing was written. Two databases in one target need [target] path = "
        "\"{database}/{table}/cdc\"; or give this one another [target] url");
  }
  return Status::OK();
}

Status CheckFolders(Context& context) {
  const auto tools = Tools::Of(context);
  for (const auto& [name, table] : context.document().tables) {
    if (context.known[name].life != Life::kUnseen || context.known.IsResting(name) ||
        !context.selects(table)) {
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const rules::TableNames names, context.NamesOf(table));
    if (const std::string moved = rules::WhyMoved(names, table.folder); !moved.empty()) {
      ARROW_RETURN_NOT_OK(context.known.StopTable(name, StopsTable(moved)));
      continue;
    }
    // The target may have become another one since the table came in.
    const Status fits = names.CheckFits(tools->data.key_limits(), tools->data.url());
    if (!fits.ok()) {
      ARROW_RETURN_NOT_OK(context.known.StopTable(name, fits));
      continue;
    }
    context.with.executor.Post(Executor::Lane::kPut, [&context, tools, names, name = name,
                                                      last = table.claim ? table.claim->key : ""] {
      const Status checked =
          UnlessListingIsOptional(tools->options, CheckFolder(tools->data, names, last, name));
      return [&context, names, name, last, checked]() -> Status {
        // An object that our document does not know may be the work of a copy that took over
        // from us.
        if (IsStopsEverything(checked)) {
          ARROW_RETURN_NOT_OK(context.held.Confirm());
          // Or another group's, which has entered the table in the same moment.
          if (last.empty()) {
            const auto others = LookAtOthers(context.options, context.with.state);
            if (!others.ok())
              return context.known.WorkerTrouble(name, NotKnownWhose(others.status()));
            const Status anothers = IfAnothers(context, *others, name);
            if (!anothers.ok()) return context.known.WorkerTrouble(name, anothers);
          }
        }
        if (!checked.ok()) return context.known.WorkerTrouble(name, checked);
        context.known[name].life = Life::kSeen;
        return Status::OK();
      };
    });
  }
  return context.work.Gather();
}

Status UnlessListingIsOptional(const Options& options, const Status& status) {
  if (!options.conditional_puts && store::KindOf(status) == store::ErrorKind::kDenied)
    return Status::OK();
  return status;
}

}  // namespace cdc::capture

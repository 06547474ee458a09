#include "capture/folders.h"

#include "parquet/footer_record.h"

namespace cdc::capture {

namespace {

using arrow::Status;

// Of a folder's listing; a lost document shows itself in the first object.
constexpr int64_t kListedMax = 1000;

}  // namespace

Status CheckFolder(store::Store& data, const TableNames& names, const std::string& last_key,
                   const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(const auto objects, data.List(names.folder(), last_key, kListedMax));
  std::string foreign;
  for (const store::ObjectInfo& object : objects) {
    if (!object.key.ends_with(".parquet")) continue;
    ARROW_ASSIGN_OR_RAISE(const auto head, data.Head(object.key));
    if (!head) continue;  // moved away between the two calls
    if (pq::IdentityFromUserMetadata(head->metadata)) {
      return StopsEverything("the state document does not know the object " + data.url() + "/" +
                             object.key + " of table " + table +
                             ": the document was deleted or set back to an older version, and "
                             "going on would deliver rows "
                             "twice. Nothing was read. Stop every copy, put the newest version of "
                             "the document back; if there "
                             "is none, move the table folders of this database elsewhere, delete "
                             "the document, and start again "
                             "from what change tables still hold");
    }
    if (foreign.empty()) foreign = object.key;
  }
  if (foreign.empty()) return Status::OK();
  return StopsTable(
      "the folder holds a Parquet file that is not ours, " + data.url() + "/" + foreign +
      "; readers would take it for changes. Move it elsewhere, or choose another [target] path");
}

Status UnlessListingIsOptional(const Options& options, const Status& status) {
  if (!options.conditional_puts && store::KindOf(status) == store::ErrorKind::kDenied)
    return Status::OK();
  return status;
}

}  // namespace cdc::capture

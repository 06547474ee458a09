#pragma once

#include <arrow/status.h>

#include <string>

#include "capture/context.h"

namespace cdc::capture {

// INVARIANT: What lies in a table's folder beyond the last name that the document knows. One object of ours
// there means that the document was lost or set back to an older version: continuing would deliver
// its rows a second time, so everything stops. A Parquet file that is not ours stops this table:
// readers that glob the folder would take it for changes. Anything but *.parquet is left alone.
arrow::Status CheckFolder(store::Store& data, const rules::TableNames& names,
                          const std::string& last_key, const std::string& table);

// The error for such an object.
arrow::Status NotKnownToDocument(const store::Store& data, const std::string& key,
                                 const std::string& table);

// INVARIANT: Another database's tables have the folders that this one's would get: nobody could tell the
// rows apart, so nothing is begun. Only where [target] path has no {database}.
arrow::Status RefuseSharedFolders(const Options& options, store::Store& state,
                                  const std::vector<source::CaptureInstance>& instances);

// The same of every selected table of the document that was not looked at yet in this run, several
// at a time. A table whose folder setting has changed stops, too.
arrow::Status CheckFolders(Context& context);

// With local state the target need not allow listing, and a folder that may not be listed is no
// error; the promise is weaker then, and docs/FORMAT.md says it.
arrow::Status UnlessListingIsOptional(const Options& options, const arrow::Status& status);

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>

#include "capture/context.h"
#include "rules/column_guard.h"

// What runs on the workers' threads: reading one object's rows, and putting an object.
namespace cdc::capture {

struct ReadOrder {
  std::string table;  // schema.name
  source::CaptureInstance instance;
  Position after;               // its rows begin behind it
  Lsn through;                  // up to this commit
  Lsn horizon;                  // which the connection must have seen, before and after
  pq::FooterRecord record;      // as far as it is known before the rows are
  rules::KnownColumns columns;  // how they were delivered until now
  state::FolderForm form;       // of the table's folder
  rules::TableNames names;      // in the table's folder
};

struct ReadOutcome {
  std::optional<BuiltObject> object;  // nothing: there were no rows
  // Cleanup or a new capture instance came in between: rows may be missing, nothing was learned.
  bool overtaken = false;
};

// The table's columns as they are now. An error where one would be shown that was kept back.
arrow::Result<source::TableDescription> DescribeGuarded(source::Source& source,
                                                        const std::string& table,
                                                        const source::CaptureInstance& instance,
                                                        const rules::KnownColumns& known);

// One object's rows, on a connection of its own: read, and then asked on the same connection
// whether they were still all there.
arrow::Result<ReadOutcome> ReadNext(const Tools& tools, const ReadOrder& order);

// Puts an object under its claimed key. Already there is fine if it is the claimed one; a foreign
// object at the key stops the table: the same key, for ever, never another one.
arrow::Status PutClaimed(const Tools& tools, const std::string& key, const BuiltObject& object);

}  // namespace cdc::capture

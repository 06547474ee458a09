#pragma once

#include <arrow/result.h>

#include <string>

#include "capture/context.h"
#include "state/folders.h"

namespace cdc::capture {

// What the documents of others have entered: of the same database, and the folders of all in the
// target where [target] path does not tell databases apart. A table and a folder must be in one
// document only; nothing else keeps two groups whose patterns overlap from delivering a table
// twice. Whoever wants a table writes it into the own document first and looks at the others then:
// of two that do so at the same time at least one sees the other and withdraws. Any thread may ask.
arrow::Result<state::OtherTables> LookAtOthers(const Options& options, store::Store& state);

// The trouble of an entry that another document has, too; OK where none has.
arrow::Status IfAnothers(const Context& context, const state::OtherTables& others,
                         const std::string& name);

// Whether the table that is captured under the entry's name may go on there: it may be another
// document's. OK also where none is, or where the settings do not let it.
arrow::Status CheckFollower(const Context& context, const std::string& name,
                            const source::PollInfo& info);

// The trouble of a table of which nobody knows whether another document has it.
arrow::Status NotKnownWhose(const arrow::Status& why);

}  // namespace cdc::capture

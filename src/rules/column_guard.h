#pragma once

#include <arrow/status.h>

#include <string>

#include "parquet/footer_record.h"
#include "source/source.h"
#include "state/document.h"

// Masks and left-out columns fail closed: what was kept back once is never shown because a name has
// changed. A column is known by its column_id, so it stays the same one when it is renamed; names are
// the same in either case, as in settings.
namespace cdc::rules {

using state::KnownColumns;

// What an entry remembers of how its columns are delivered: as they are described now, and of those
// that are not captured any more as they were `before`. Empty where none was ever kept back, and no
// list said which are delivered.
KnownColumns KnownColumnsOf(const source::TableDescription& description,
                            const KnownColumns& before = {});

// The same of a table that follows in an entry, before it does: also where an earlier one had some.
KnownColumns KnownColumnsOfFollower(const state::Table& entry,
                                    const source::TableDescription& description,
                                    const KnownColumns& before);

// The same where the document was lost, from the footer of the newest object: what was masked it
// says; and of its instance, as that one is described today, whatever it lacks was left out, since
// an instance never gets a further column. `instance` is null where it is gone.
KnownColumns KnownColumnsOf(const pq::FooterRecord& newest, const KnownColumns& before,
                            const source::TableDescription* instance);

// Whether the columns may be delivered as they are described now. An error names the column, what
// it was called, and what the settings have to say: that it is kept back still, or, by its present
// name, that it is not.
arrow::Status CheckColumns(const std::string& table, const KnownColumns& known,
                           const source::TableDescription& now);

// The same for another source table that goes on in the entry, after all that it has had: ids say
// nothing there, so a name that was kept back and is not there any more may be any of the new ones.
arrow::Status CheckColumnsOfFollower(const state::Table& entry,
                                     const source::TableDescription& now);

}  // namespace cdc::rules

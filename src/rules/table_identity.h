#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/selection.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/document.h"
#include "state/folders.h"

// A table is its source_object_id, in its database; the name in its entry is what settings, folder
// and messages go by, whatever the server calls the table today.
namespace cdc::rules {

using Instances = std::vector<source::CaptureInstance>;

// The entry that a source table has; null where it has none.
const state::Table* EntryOf(const state::Document& document, int64_t source_object_id);

// What the server calls the entry's table today, where that is another name than the entry's: "".
// Nothing where it does not tell: no instance of it is captured, or its name is hidden.
std::optional<std::string> NameToday(const state::Table& entry, const Instances& instances);

// The newest name, where it is another one than the entry's, that is known of its table: as the
// server tells it, or as it was noted. One that another table has today is nobody's else.
std::string NameKnown(const state::Table& entry, const Instances& instances);

// An instance of another source table that has the entry's name and no entry of its own: it never
// gets this one's resume position by itself. A name in another case is the same one where the
// entry's own table is not captured under it any more; where both are, the database tells them
// apart. Null where there is none.
const source::CaptureInstance* NamesakeOf(const state::Document& document,
                                          const state::Table& entry, const Instances& instances);

// The instances of tables that may get an entry of their own.
Instances WithoutNamesakes(const state::Document& document, const Instances& instances);

// Why a pattern of [source] tables or exclude fits nothing: settings go by the names of entries,
// and by the present name only of tables that have none. "" where it fits something.
std::string WhyIdle(const std::string& pattern, const state::Document& document,
                    const Instances& instances);

// Why a table is not delivered whose present name is selected, while the one that counts is not. ""
// where no setting selects it by any name.
std::string WhySelectedInVain(const TableSelection& selection, const state::Table& entry);

// What is wrong with an entry whose table is not captured any more, and what helps.
std::string WhyGone(const state::Table& entry, const state::Document& document,
                    const Instances& instances);

// The instance under the entry's name: the one that settings and messages go by.
source::CaptureInstance AsCalledIn(const state::Table& entry, source::CaptureInstance instance);

// What an entry had of the source table before another one followed it there: from `through` on its
// rows are in no folder. Null for a table that was never one of those.
const state::EarlierTable* DeliveredBefore(const state::Document& document,
                                           int64_t source_object_id);
// The same over all documents of the database.
const state::EarlierTable* DeliveredBefore(const state::Document& document,
                                           const state::OtherTables& others,
                                           int64_t source_object_id);

// Whether the settings, or an operator, let another source table go on under the entry's name.
bool MayFollow(const Settings& settings, const state::Table& entry,
               const source::CaptureInstance& namesake);

}  // namespace cdc::rules

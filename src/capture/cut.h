#pragma once

#include <set>
#include <string>

#include "state/document.h"

namespace cdc::capture {

// The end of a round: which tables are complete up to the horizon, and up to where all tables of
// the cut are. A complete table joins the cut. While one of the cut is behind, the others remember
// by themselves up to where they are known to be empty, and complete_through goes as far as the
// table that is farthest behind: everything at or below its place is there, of every table. An
// object that is not known to be there does not count.
void CloseCut(state::Document* document, const std::set<std::string>& complete, const Lsn& horizon);

}  // namespace cdc::capture

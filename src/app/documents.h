#pragma once

#include <arrow/result.h>

#include <vector>

#include "config/config.h"
#include "state/state_file.h"
#include "store/store.h"

namespace cdc::app {

// The documents that the settings mean, without asking the server how it spells the database: the
// group's, or with no group set the database's own and those of all its groups. Empty: there is
// none yet.
arrow::Result<std::vector<state::DocumentName>> FindDocuments(store::Store& store,
                                                              const config::Config& config);

}  // namespace cdc::app

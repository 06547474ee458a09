#pragma once

#include <arrow/result.h>

#include "base/clock.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

// What every repair begins with.
namespace cdc::repair {

// The server's present, with a horizon. Invalid when nothing can be judged: the server is another
// one, lags, or its database was restored.
arrow::Result<source::PollInfo> AskServer(source::Source& source, const state::Document& document);

// Whoever owned the document loses it, and may take over again when it is given up.
arrow::Result<state::OwnedDocument> TakeOver(const rules::Settings& settings,
                                             store::Store& state_store, const Clock& clock);

}  // namespace cdc::repair

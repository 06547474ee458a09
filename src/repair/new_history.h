#pragma once

#include <arrow/status.h>

#include <map>
#include <string>

#include "rules/settings.h"
#include "source/source.h"
#include "state/document.h"
#include "store/store.h"

namespace cdc::repair {

struct NewHistory {
  const rules::Settings& options;
  const std::string& start;  // oldest · now · a time · an LSN
  source::Source& source;
  store::Store& data;
  const source::DatabaseIdentity& identity;
  const source::PollInfo& info;               // with a horizon
  state::Document& document;                  // as the old history ended; changed
  std::map<std::string, std::string>& notes;  // by table; what is particular
};

// Makes the document one of a new history of the database: another history id, every table at the
// start, names and numbers of objects going on behind the old ones.
arrow::Status BeginHistory(const NewHistory& with);

}  // namespace cdc::repair

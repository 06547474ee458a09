#pragma once

#include <arrow/status.h>

#include <map>
#include <string>

#include "capture/context.h"
#include "capture/instances.h"

namespace cdc::capture {

// Of tables that may be read, and whose columns were not looked at yet in this run as their
// instance has them: one that the settings would show though it was kept back stops its table, which
// is taken out; and what the settings keep back is written down. Nothing need have been delivered
// since they say so: a column that gets another name then stays hidden all the same.
arrow::Status RememberColumns(Context& context, std::map<std::string, Reading>* readable);

}  // namespace cdc::capture

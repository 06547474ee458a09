#pragma once

#include <arrow/status.h>

// What `run` makes of an error: read from its fault (base/fault.h) and nothing else.
namespace cdc::app {

// Whether `run --once` ends. It tries again what may pass within seconds; but a side that it has
// never reached (`connected`: it has reached both) a person who waits should hear of now.
bool EndsOnce(const arrow::Status& why, bool connected);

// Whether a daemon ends: for what stops everything, and for what only a person can mend as long as
// it has never reached both sides (`reached`): then it was started wrongly. Afterwards it waits.
bool EndsDaemon(const arrow::Status& why, bool reached);

}  // namespace cdc::app

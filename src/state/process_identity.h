#pragma once

#include <string>

namespace cdc::state {

// Which process of which machine this is: boot, process namespace, process id and start time, so
// that nobody is mistaken for another one after a restart, in a container, or when an id is used
// again. "" where /proc does not tell.
std::string ProcessIdentity();

// Whether the process of that identity is known to have ended: it was of this boot and of our
// process namespace, and is not there any more. False when that cannot be told from here.
bool HasEnded(const std::string& identity);

}  // namespace cdc::state

#pragma once

#include <string>

namespace cdc::state {

// Which process of which machine this is: boot, process and time namespace, process id and start
// time, so that nobody is mistaken for another one after a restart, in a container, or when an id
// is used again. "" where /proc does not tell.
std::string ProcessIdentity();

// Whether the process of that identity is known to have ended: it was of this boot and of our
// namespaces, and is not there any more. False when that cannot be told from here: a living owner
// that is taken for dead would be thrown out.
bool HasEnded(const std::string& identity);

// What can be seen of a process id now. Neither of the two: something has that id, and it is hidden
// from us (/proc mounted with hidepid, another user's process).
struct ProcessSight {
  bool absent = false;  // nothing runs under that id
  std::string started;  // when what runs there was started, in clock ticks since boot
};

// Pure: whether the process that was started then is gone, by what is seen under its id now.
bool IsKnownToHaveEnded(const ProcessSight& now, const std::string& started);

}  // namespace cdc::state

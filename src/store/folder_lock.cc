#include "store/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/units.h"
#include "store/store.h"

namespace cdc::store {
namespace {

using std::chrono::steady_clock;

// flock cannot wait for a limited time, and a stopped process may hold the lock for ever.
constexpr std::chrono::seconds kWaitMax{30};
constexpr std::chrono::milliseconds kPollPause{5};

}  // namespace

arrow::Result<FolderLock::Guard> FolderLock::Lock(int open_flags, int operation) {
  const auto give_up = steady_clock::now() + kWaitMax;
  std::unique_lock thread(threads_, std::defer_lock);
  if (!thread.try_lock_until(give_up)) {
    return MakeError(ErrorKind::kTransient, fmt::format("lock {}: held for too long", path_));
  }
  File file(open(path_.c_str(), open_flags | O_CLOEXEC, 0666));
  if (!file.is_open()) {
    if (errno == ENOENT && (open_flags & O_CREAT) == 0) {
      return Guard(std::move(thread), File());
    }
    return FileError("open " + path_, errno);
  }
  while (flock(file.fd(), operation | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return FileError("lock " + path_, errno);
    }
    if (steady_clock::now() > give_up) {
      return MakeError(ErrorKind::kTransient,
                       fmt::format("lock {}: another process has held it for {}; is one stopped? "
                                   "(fuser shows which)",
                                   path_, HumanDuration(kWaitMax)));
    }
    std::this_thread::sleep_for(kPollPause);
  }
  return Guard(std::move(thread), std::move(file));
}

arrow::Result<FolderLock::Guard> FolderLock::ForWriting() {
  return Lock(O_RDWR | O_CREAT, LOCK_EX);
}

arrow::Result<FolderLock::Guard> FolderLock::ForReading() { return Lock(O_RDONLY, LOCK_SH); }

}  // namespace cdc::store

#include "state/process_identity.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cdc::state {

namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string LinkText(const char* path) {
  std::array<char, 64> text{};
  const auto length = readlink(path, text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<size_t>(length)) : "";
}

// Field 22 of /proc/<pid>/stat, in clock ticks since boot; the name in field 2 may hold anything.
ProcessSight LookAt(pid_t pid) {
  const std::string stat = FileText("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = stat.rfind(')');
  ProcessSight sight;
  if (name_end == std::string::npos) {
    // Signal 0 is sent to nobody. Unlike /proc it tells a process that is not there from one that
    // is hidden from us.
    sight.absent = kill(pid, 0) != 0 && errno == ESRCH;
    return sight;
  }
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  fields >> field;
  // Killed, though nobody has asked for its exit code yet.
  sight.absent = field == "Z" || field == "X";
  for (int i = 4; i <= 22; ++i) fields >> field;
  sight.started = field;
  return sight;
}

// Everything but the process: what two processes must share to know of each other. Start times are
// told by the clock of the time namespace.
std::string Here() {
  const std::string boot = FileText("/proc/sys/kernel/random/boot_id");
  const std::string processes = LinkText("/proc/self/ns/pid");  // "pid:[4026531836]"
  const std::string time = LinkText("/proc/self/ns/time");      // "" before Linux 5.6
  // /proc may have been mounted for another process namespace; its numbers mean nothing then.
  const bool ours = LinkText("/proc/self") == std::to_string(getpid());
  if (boot.size() < 36 || processes.empty() || !ours) return "";
  return boot.substr(0, 36) + "/" + processes + "/" + (time.empty() ? "" : time + "/");
}

}  // namespace

std::string ProcessIdentity() {
  const std::string here = Here();
  const std::string started = LookAt(getpid()).started;
  return here.empty() || started.empty() ? "" : here + std::to_string(getpid()) + "/" + started;
}

bool IsKnownToHaveEnded(const ProcessSight& now, const std::string& started) {
  return now.absent || (!now.started.empty() && now.started != started);
}

bool HasEnded(const std::string& identity) {
  const std::string here = Here();
  if (here.empty() || !identity.starts_with(here)) return false;
  const std::string process = identity.substr(here.size());
  const char* end = process.data() + process.size();
  pid_t pid = 0;
  const auto [rest, error] = std::from_chars(process.data(), end, pid);
  // A number that is none, or not positive, would be a whole group of processes to kill().
  if (error != std::errc() || pid <= 0 || rest == end || *rest != '/') return false;
  return IsKnownToHaveEnded(LookAt(pid), std::string(rest + 1, end));
}

}  // namespace cdc::state

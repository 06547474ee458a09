#include "state/process_identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cdc::state {

namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "pid:[4026531836]"
std::string ProcessNamespace() {
  std::array<char, 64> text{};
  const auto length = readlink("/proc/self/ns/pid", text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<size_t>(length)) : "";
}

// Field 22 of /proc/<pid>/stat, in clock ticks since boot; the name in field 2 may hold anything.
std::string StartTime(const std::string& pid) {
  const std::string stat = FileText("/proc/" + pid + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  fields >> field;
  // Killed, though nobody has asked for its exit code yet.
  if (field == "Z" || field == "X") return "";
  for (int i = 4; i <= 22; ++i) fields >> field;
  return field;
}

// Everything but the process: what two processes must share to know of each other.
std::string Here() {
  const std::string boot = FileText("/proc/sys/kernel/random/boot_id");
  const std::string processes = ProcessNamespace();
  if (boot.size() < 36 || processes.empty()) return "";
  return boot.substr(0, 36) + "/" + processes + "/";
}

}  // namespace

std::string ProcessIdentity() {
  const std::string here = Here();
  const std::string pid = std::to_string(getpid());
  const std::string started = StartTime(pid);
  return here.empty() || started.empty() ? "" : here + pid + "/" + started;
}

bool HasEnded(const std::string& identity) {
  const std::string here = Here();
  if (here.empty() || !identity.starts_with(here)) return false;
  const std::string process = identity.substr(here.size());
  const size_t slash = process.find('/');
  if (slash == std::string::npos) return false;
  return StartTime(process.substr(0, slash)) != process.substr(slash + 1);
}

}  // namespace cdc::state

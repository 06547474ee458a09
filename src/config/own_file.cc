#include "config/own_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/text.h"

namespace cdc::config {
namespace {

using arrow::Status;

constexpr size_t kBytesMax = 4 << 20;
constexpr mode_t kWrittenByOthers = S_IWGRP | S_IWOTH;
constexpr char kWhy[] = "it names a library that is loaded, and where data goes";

// "ann", or the number where nobody has a name for it, as in many containers.
std::string UserName(uid_t user) {
  std::array<char, 4096> space{};
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(user, &entry, space.data(), space.size(), &found);
  return found != nullptr ? found->pw_name : std::to_string(user);
}

bool IsTrusted(uid_t owner, uid_t me) { return owner == me || owner == 0; }

Status Foreign(const char* what, uid_t owner, uid_t me, const std::string& help) {
  return Status::Invalid(fmt::format(
      "{} belongs to {}, and {} runs this: {}. What helps, after a look at what is in it: {}", what,
      UserName(owner), UserName(me), kWhy, help));
}

Status Failed(int error) { return Status::IOError("cannot be read: ", std::strerror(error)); }

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Status CheckLink(const std::string& path, uid_t me) {
  struct stat link {};
  if (lstat(path.c_str(), &link) != 0) return Failed(errno);
  if (!S_ISLNK(link.st_mode) || IsTrusted(link.st_uid, me)) return Status::OK();
  return Foreign("the link", link.st_uid, me,
                 fmt::format("chown -h {} {}", UserName(me), ShellWord(path)));
}

// What is mounted for reading alone cannot be written by anybody, whatever its mode says.
bool CanBeWritten(int fd) {
  struct statvfs mounted {};
  return fstatvfs(fd, &mounted) != 0 || (mounted.f_flag & ST_RDONLY) == 0;
}

arrow::Result<std::string> ReadAll(int fd) {
  std::string text;
  std::array<char, 64 << 10> bytes{};
  for (;;) {
    const ssize_t got = read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(errno);
    if (got == 0) return text;
    text.append(bytes.data(), static_cast<size_t>(got));
    if (text.size() > kBytesMax) return Status::Invalid("is longer than any settings are");
  }
}

}  // namespace

Status CheckOwn(const struct stat& file, uid_t me, const std::string& path) {
  if (!IsTrusted(file.st_uid, me)) {
    return Foreign("it", file.st_uid, me,
                   fmt::format("chown {} {}", UserName(me), ShellWord(path)));
  }
  // Pipes and devices have no content that stays.
  if (!S_ISREG(file.st_mode) || (file.st_mode & kWrittenByOthers) == 0) return Status::OK();
  return Status::Invalid(fmt::format(
      "others may write it (mode {:04o}): {}. What helps, after a look at what is in it: "
      "chmod go-w {}",
      file.st_mode & 07777, kWhy, ShellWord(path)));
}

arrow::Result<std::optional<std::string>> ReadOwnFile(const std::string& path) {
  const uid_t me = geteuid();
  const File file(path);
  if (file.fd() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (file.fd() < 0) return Failed(errno);
  struct stat info {};
  if (fstat(file.fd(), &info) != 0) return Failed(errno);
  ARROW_RETURN_NOT_OK(CheckLink(path, me));
  if (!CanBeWritten(file.fd())) info.st_mode &= ~kWrittenByOthers;
  const std::string whole = std::filesystem::absolute(path).lexically_normal().string();
  ARROW_RETURN_NOT_OK(CheckOwn(info, me, whole));
  ARROW_ASSIGN_OR_RAISE(std::string text, ReadAll(file.fd()));
  return text;
}

}  // namespace cdc::config

#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/spool.h"

namespace cdc::store {

// Durable file operations for the directory store. Errors carry a Fault of this room, name the path
// and say what to do. Paths are absolute.

// The status for a failed system call: `what` is "write /data/lake/x".
arrow::Status FileError(const std::string& what, int error);

// A file descriptor that is closed with its owner.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  ~File() { Close(); }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// Opens a regular file for reading; not open (and no error) when there is none.
arrow::Result<File> OpenToRead(const std::string& path);
arrow::Result<int64_t> SizeOf(const File& file, const std::string& path);
arrow::Result<std::string> ReadAll(const File& file, const std::string& path);
// The last bytes, at most `bytes_max` of them.
arrow::Result<std::string> ReadTail(const File& file, const std::string& path, int64_t bytes_max);
arrow::Result<Sha256> HashAll(const File& file, const std::string& path);

// Whether anything (a file, a folder, a broken link) is at the path.
bool IsThere(const std::string& path);
// Makes the folders between `root`, which must exist, and `path`, each durable before the next.
arrow::Status MakeFolders(const std::string& root, const std::string& path);
arrow::Status SyncFolder(const std::string& path);
std::string FolderOf(const std::string& path);

// A whole, durable file under a name of its own, to be moved to its place or to vanish.
class TempFile {
 public:
  static arrow::Result<TempFile> Write(const std::string& folder, const Spool& bytes);
  ~TempFile();
  TempFile(TempFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TempFile& operator=(TempFile&&) = delete;

  // Atomically and durably. False, with nothing changed, if something is at `path`.
  arrow::Result<bool> MoveIfAbsent(const std::string& path);
  // Atomically and durably, in place of what may be there.
  arrow::Status MoveOver(const std::string& path);

 private:
  explicit TempFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace cdc::store

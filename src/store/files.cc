#include "store/files.h"

#include <arrow/util/logging.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/crash_point.h"
#include "base/random.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;

struct Cause {
  ErrorKind kind;
  const char* advice;
};

Cause CauseOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return {ErrorKind::kTransient,
              "free some space there; until then changes wait in the database"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorKind::kDenied, "give the program's user the right to write there"};
    case EXDEV:
      return {ErrorKind::kPermanent,
              "the whole target must be on one file system: mount nothing inside of it"};
    case ENAMETOOLONG:
      return {ErrorKind::kPermanent, "the name is too long for this file system"};
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
      return {ErrorKind::kPermanent, "a file is where a folder must be, or the other way round"};
    case EIO:
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ESTALE:
    case ETIMEDOUT:
      return {ErrorKind::kTransient, "see the system's log about this disk"};
    default:
      return {ErrorKind::kPermanent, "see whether the folder is what it should be"};
  }
}

arrow::Status WriteAll(int fd, const std::string& path, const char* data, int64_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, static_cast<size_t>(size));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return FileError("write " + path, errno);
    }
    data += written;
    size -= written;
  }
  return arrow::Status::OK();
}

arrow::Status CopyTo(int fd, const std::string& path, const Spool& bytes) {
  std::vector<char> chunk(static_cast<size_t>(std::min(kChunkBytes, bytes.size_bytes() + 1)));
  int64_t offset = 0;
  while (offset < bytes.size_bytes()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, bytes.ReadAt(offset, chunk.data(), std::ssize(chunk)));
    ARROW_RETURN_NOT_OK(WriteAll(fd, path, chunk.data(), got));
    offset += got;
    CrashPoint("directory_copying");
  }
  return arrow::Status::OK();
}

// Calls `use(data, size)` with every piece of the file from `offset` on in turn.
template <typename Use>
arrow::Status ReadThrough(const File& file, const std::string& path, const Use& use,
                          int64_t offset = 0) {
  std::vector<char> chunk(static_cast<size_t>(kChunkBytes));
  while (true) {
    const ssize_t got = pread(file.fd(), chunk.data(), chunk.size(), offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return FileError("read " + path, errno);
    }
    if (got == 0) {
      return arrow::Status::OK();
    }
    use(chunk.data(), static_cast<size_t>(got));
    offset += got;
  }
}

// Leaves errno as it is.
bool IsFolder(const std::string& path) {
  const int error = errno;
  struct stat info {};
  const bool folder = stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  errno = error;
  return folder;
}

// A hard link, or where the file system has none (FAT, some network mounts), a rename that replaces
// nothing.
bool LinkOrRename(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) {
    return true;
  }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK && errno != ENOSYS) {
    return false;
  }
  return renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0;
}

}  // namespace

arrow::Status FileError(const std::string& what, int error) {
  const Cause cause = CauseOf(error);
  return MakeError(cause.kind, fmt::format("{}: {}; {}", what, std::strerror(error), cause.advice));
}

void File::Close() {
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
  }
}

arrow::Result<File> OpenToRead(const std::string& path) {
  File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return File();
    }
    return FileError("open " + path, errno);
  }
  struct stat info {};
  if (fstat(file.fd(), &info) != 0) {
    return FileError("open " + path, errno);
  }
  return S_ISREG(info.st_mode) ? std::move(file) : File();
}

arrow::Result<int64_t> SizeOf(const File& file, const std::string& path) {
  struct stat info {};
  if (fstat(file.fd(), &info) != 0) {
    return FileError("stat " + path, errno);
  }
  return info.st_size;
}

arrow::Result<std::string> ReadAll(const File& file, const std::string& path) {
  std::string bytes;
  ARROW_RETURN_NOT_OK(
      ReadThrough(file, path, [&](const char* data, size_t size) { bytes.append(data, size); }));
  return bytes;
}

arrow::Result<std::string> ReadTail(const File& file, const std::string& path, int64_t bytes_max) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, SizeOf(file, path));
  std::string bytes;
  ARROW_RETURN_NOT_OK(ReadThrough(
      file, path, [&](const char* data, size_t got) { bytes.append(data, got); },
      std::max(int64_t{0}, size - bytes_max)));
  return bytes;
}

arrow::Result<Sha256> HashAll(const File& file, const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  ARROW_CHECK(context != nullptr);
  ARROW_CHECK_EQ(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr), 1);
  ARROW_RETURN_NOT_OK(ReadThrough(file, path, [&](const char* data, size_t size) {
    ARROW_CHECK_EQ(EVP_DigestUpdate(context.get(), data, size), 1);
  }));
  Sha256 digest{};
  ARROW_CHECK_EQ(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr), 1);
  return digest;
}

bool IsThere(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

arrow::Status SyncFolder(const std::string& path) {
  const File folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open() || fsync(folder.fd()) != 0) {
    return FileError("sync the folder " + path, errno);
  }
  return arrow::Status::OK();
}

arrow::Status MakeFolders(const std::string& root, const std::string& path) {
  for (size_t end = root.size(); end != std::string::npos && end < path.size();) {
    end = path.find('/', end + 1);
    const std::string folder = path.substr(0, end);
    if (mkdir(folder.c_str(), 0777) == 0) {
      ARROW_RETURN_NOT_OK(SyncFolder(FolderOf(folder)));
    } else if (errno == ENOENT) {
      return MakeError(
          ErrorKind::kNoBucket,
          fmt::format("the target's folder {} is not there: make it, or mount it", root));
    } else if (errno != EEXIST || !IsFolder(folder)) {
      return FileError("make the folder " + folder, errno);
    }
  }
  return arrow::Status::OK();
}

arrow::Result<TempFile> TempFile::Write(const std::string& folder, const Spool& bytes) {
  TempFile temp(fmt::format("{}/{}", folder, RandomHex(16)));
  File file(open(temp.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open()) {
    return FileError("make a file in " + folder, errno);
  }
  ARROW_RETURN_NOT_OK(CopyTo(file.fd(), temp.path_, bytes));
  if (fsync(file.fd()) != 0) {
    return FileError("sync " + temp.path_, errno);
  }
  return temp;
}

TempFile::~TempFile() {
  if (!path_.empty()) {
    unlink(path_.c_str());
  }
}

arrow::Result<bool> TempFile::MoveIfAbsent(const std::string& path) {
  if (!LinkOrRename(path_, path)) {
    if (errno == EEXIST) {
      return false;
    }
    return FileError("put " + path, errno);
  }
  CrashPoint("directory_linked");
  ARROW_RETURN_NOT_OK(SyncFolder(FolderOf(path)));
  return true;
}

arrow::Status TempFile::MoveOver(const std::string& path) {
  if (rename(path_.c_str(), path.c_str()) != 0) {
    return FileError("replace " + path, errno);
  }
  path_.clear();
  CrashPoint("directory_renamed");
  return SyncFolder(FolderOf(path));
}

}  // namespace cdc::store

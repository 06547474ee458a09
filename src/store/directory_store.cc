#include "store/directory_store.h"

#include <arrow/util/logging.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <utility>

#include "base/crash_point.h"
#include "store/files.h"
#include "store/folder_lock.h"
#include "store/metadata.h"
#include "store/sidecar.h"
#include "store/signed_at.h"

// An object is a file under its key. It appears by link(2), which refuses to replace, or by
// rename(2), which replaces at once; both from a file that is whole and on disk already. Its
// version and metadata are in a sidecar (sidecar.h), written before, under the lock that all
// writers take. So a kill leaves at worst a temporary file, or a sidecar without an object: nobody
// looks at either.
//
// Limits: the lock keeps writers of this program apart, not other programs that write there. A file
// that came from elsewhere is an object without metadata; its version is found by hashing it.

namespace cdc::store {
namespace {

namespace fs = std::filesystem;

constexpr char kPrivateFolder[] = "_cdc_to_s3/.store";
constexpr std::chrono::hours kTempLife{24};
// Sidecars of objects that consumers have removed are cleared away after this many puts.
constexpr uint64_t kPutsBetweenSweeps = 64;

bool IsGoodSegment(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." &&
         segment.find('\0') == std::string_view::npos;
}

class DirectoryStore : public Store {
 public:
  DirectoryStore(std::string root, const Clock& clock)
      : root_(std::move(root)),
        private_(fmt::format("{}/{}", root_, kPrivateFolder)),
        temp_(private_ + "/tmp"),
        clock_(clock),
        lock_(private_ + "/lock") {}

  arrow::Result<PutResult> Put(const std::string& key, const Spool& body,
                               const PutOptions& options) override {
    const std::string what = fmt::format("put {}/{}", url(), key);
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    ARROW_RETURN_NOT_OK(CheckMetadata(what, options.metadata));
    const bool if_absent = options.mode == PutMode::kIfAbsent;
    if (if_absent && IsThere(path)) {
      return PutResult::kAlreadyThere;
    }
    ARROW_RETURN_NOT_OK(MakeFolders(root_, temp_));
    ARROW_ASSIGN_OR_RAISE(TempFile temp, TempFile::Write(temp_, body));
    ARROW_ASSIGN_OR_RAISE(const auto guard, lock_.ForWriting());
    // Here, and not at the start: what counts is when the object appears.
    ARROW_RETURN_NOT_OK(CheckSignedAt(options.signed_at, clock_, what));
    if (if_absent && IsThere(path)) {
      return PutResult::kAlreadyThere;
    }
    const SidecarEntry entry{ToHex(body.sha256()), body.size_bytes(), options.metadata};
    ARROW_RETURN_NOT_OK(MakeFolders(root_, FolderOf(path)));
    if (!if_absent) {
      ARROW_RETURN_NOT_OK(Replace(key, path, entry, &temp));
      return PutResult::kCreated;
    }
    ARROW_RETURN_NOT_OK(WriteSidecar(key, {entry}));
    CrashPoint("directory_sidecar_written");
    ARROW_ASSIGN_OR_RAISE(const bool created, temp.MoveIfAbsent(path));
    if (++puts_ % kPutsBetweenSweeps == 0) {
      SweepSidecars(FolderOf(key));
    }
    return created ? PutResult::kCreated : PutResult::kAlreadyThere;
  }

  arrow::Result<std::string> Swap(const std::string& key, const std::string& bytes,
                                  const std::optional<std::string>& expected) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    ARROW_RETURN_NOT_OK(MakeFolders(root_, temp_));
    ARROW_RETURN_NOT_OK(MakeFolders(root_, FolderOf(path)));
    const auto body = Spool::FromBytes(bytes);
    ARROW_ASSIGN_OR_RAISE(TempFile temp, TempFile::Write(temp_, *body));
    ARROW_ASSIGN_OR_RAISE(const auto guard, lock_.ForWriting());
    ARROW_ASSIGN_OR_RAISE(const auto current, CurrentVersion(path));
    if (current != expected) {
      return MakeError(ErrorKind::kConflict, fmt::format("swap {}/{}: the object is not the "
                                                         "expected one",
                                                         url(), key));
    }
    const SidecarEntry entry{ToHex(body->sha256()), body->size_bytes(), {}};
    if (IsThere(SidecarPath(key))) {  // it was once put, perhaps with metadata
      ARROW_RETURN_NOT_OK(Replace(key, path, entry, &temp));
    } else {
      CrashPoint("directory_before_swap");
      ARROW_RETURN_NOT_OK(temp.MoveOver(path));
    }
    return entry.version;
  }

  arrow::Result<Content> Get(const std::string& key) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    ARROW_ASSIGN_OR_RAISE(const File file, OpenToRead(path));
    if (!file.is_open()) {
      return NoSuchObject("get", key);
    }
    Content content;
    ARROW_ASSIGN_OR_RAISE(content.bytes, ReadAll(file, path));
    content.version = ToHex(Sha256Of(content.bytes));
    return content;
  }

  arrow::Result<Tail> GetTail(const std::string& key, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    ARROW_ASSIGN_OR_RAISE(const File file, OpenToRead(path));
    if (!file.is_open()) {
      return NoSuchObject("get the end of", key);
    }
    Tail tail;
    ARROW_ASSIGN_OR_RAISE(tail.bytes, ReadTail(file, path, bytes_max));
    ARROW_ASSIGN_OR_RAISE(tail.size_bytes, SizeOf(file, path));
    return tail;
  }

  arrow::Result<std::optional<ObjectInfo>> Head(const std::string& key) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    ARROW_ASSIGN_OR_RAISE(const auto guard, lock_.ForReading());
    ARROW_ASSIGN_OR_RAISE(const File file, OpenToRead(path));
    if (!file.is_open()) {
      return std::nullopt;
    }
    ARROW_ASSIGN_OR_RAISE(SidecarEntry entry, Describe(key, file, path));
    return ObjectInfo{key, entry.size_bytes, entry.version, std::move(entry.metadata)};
  }

  arrow::Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                              int64_t limit) override {
    const size_t slash = prefix.rfind('/');
    std::vector<std::string> keys;
    ARROW_RETURN_NOT_OK(Collect(slash == std::string::npos ? "" : prefix.substr(0, slash + 1),
                                prefix, after, &keys));
    std::sort(keys.begin(), keys.end());
    std::vector<ObjectInfo> found;
    for (const auto& key : keys) {
      if (static_cast<int64_t>(found.size()) >= limit) {
        break;
      }
      ARROW_ASSIGN_OR_RAISE(auto info, Head(key));
      if (info) {  // else it was removed meanwhile
        info->metadata.clear();
        found.push_back(*std::move(info));
      }
    }
    return found;
  }

  arrow::Status Delete(const std::string& key) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(key));
    if (!IsThere(path)) {
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(MakeFolders(root_, private_));
    ARROW_ASSIGN_OR_RAISE(const auto guard, lock_.ForWriting());
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return FileError("delete " + path, errno);
    }
    ARROW_RETURN_NOT_OK(SyncFolder(FolderOf(path)));
    unlink(SidecarPath(key).c_str());
    return arrow::Status::OK();
  }

  // Paths end with a zero byte, and the longest is that of an object's sidecar.
  KeyLimits key_limits() const override {
    const int64_t name = pathconf(root_.c_str(), _PC_NAME_MAX);
    const int64_t path = PATH_MAX - 1 - std::ssize(SidecarPath(""));
    return {path, name > 0 ? name : NAME_MAX};
  }

  std::string url() const override { return "file://" + root_; }

  // Files of writers that were killed. A living one is not a day old.
  void RemoveOldTempFiles() const {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(temp_, ignored)) {
      const auto written = fs::last_write_time(file.path(), ignored);
      if (!ignored && fs::file_time_type::clock::now() - written > kTempLife) {
        fs::remove(file.path(), ignored);
      }
    }
  }

 private:
  arrow::Status NoSuchObject(const char* call, const std::string& key) const {
    return MakeError(ErrorKind::kNotFound,
                     fmt::format("{} {}/{}: there is no such object", call, url(), key));
  }

  arrow::Result<std::string> PathOf(const std::string& key) const {
    bool good = key != kPrivateFolder && !key.starts_with(std::string(kPrivateFolder) + "/");
    for (size_t begin = 0; begin <= key.size();) {
      const size_t end = std::min(key.find('/', begin), key.size());
      good = good && IsGoodSegment(std::string_view(key).substr(begin, end - begin));
      begin = end + 1;
    }
    if (!good) {
      return MakeError(ErrorKind::kPermanent,
                       fmt::format("\"{}\" cannot be a key of the directory {}", key, root_));
    }
    return fmt::format("{}/{}", root_, key);
  }

  std::string SidecarPath(const std::string& key) const {
    return fmt::format("{}/meta/{}", private_, key);
  }

  arrow::Result<std::vector<SidecarEntry>> ReadSidecar(const std::string& key) const {
    const std::string path = SidecarPath(key);
    ARROW_ASSIGN_OR_RAISE(const File file, OpenToRead(path));
    if (!file.is_open()) {
      return std::vector<SidecarEntry>();
    }
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadAll(file, path));
    auto entries = ParseSidecar(text);
    return entries.ok() ? entries
                        : entries.status().WithMessage(
                              fmt::format("{}: {}", path, entries.status().message()));
  }

  arrow::Status WriteSidecar(const std::string& key, const std::vector<SidecarEntry>& entries) {
    const std::string path = SidecarPath(key);
    ARROW_RETURN_NOT_OK(MakeFolders(root_, FolderOf(path)));
    const auto text = Spool::FromBytes(FormatSidecar(entries));
    ARROW_ASSIGN_OR_RAISE(TempFile temp, TempFile::Write(temp_, *text));
    return temp.MoveOver(path);
  }

  // The sidecar knows the old content and the new while one takes the other's place.
  arrow::Status Replace(const std::string& key, const std::string& path, const SidecarEntry& entry,
                        TempFile* temp) {
    std::vector<SidecarEntry> both = {entry};
    ARROW_ASSIGN_OR_RAISE(const File old, OpenToRead(path));
    if (old.is_open()) {
      ARROW_ASSIGN_OR_RAISE(both.emplace_back(), Describe(key, old, path));
    }
    ARROW_RETURN_NOT_OK(WriteSidecar(key, both));
    CrashPoint("directory_sidecar_has_both");
    ARROW_RETURN_NOT_OK(temp->MoveOver(path));
    return both.size() == 1 ? arrow::Status::OK() : WriteSidecar(key, {entry});
  }

  // The object that is open as `file`. A single entry of the right size is believed; otherwise the
  // content decides which entry is its own.
  arrow::Result<SidecarEntry> Describe(const std::string& key, const File& file,
                                       const std::string& path) const {
    ARROW_ASSIGN_OR_RAISE(const auto entries, ReadSidecar(key));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, SizeOf(file, path));
    if (entries.size() == 1 && entries.front().size_bytes == size) {
      return entries.front();
    }
    ARROW_ASSIGN_OR_RAISE(const Sha256 digest, HashAll(file, path));
    for (const auto& entry : entries) {
      if (entry.version == ToHex(digest)) {
        return entry;
      }
    }
    return SidecarEntry{ToHex(digest), size, {}};
  }

  static arrow::Result<std::optional<std::string>> CurrentVersion(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(const File file, OpenToRead(path));
    if (!file.is_open()) {
      return std::nullopt;
    }
    ARROW_ASSIGN_OR_RAISE(const Sha256 digest, HashAll(file, path));
    return ToHex(digest);
  }

  // All keys below `folder` ("" or ending in '/') that start with `prefix` and are greater than
  // `after`.
  arrow::Status Collect(const std::string& folder, const std::string& prefix,
                        const std::string& after, std::vector<std::string>* keys) const {
    std::error_code error;
    for (auto entry = fs::directory_iterator(fmt::format("{}/{}", root_, folder), error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string key = folder + entry->path().filename().string();
      std::error_code ignored;
      if (entry->is_directory(ignored)) {
        const std::string inner = key + "/";
        const bool wanted = inner.starts_with(prefix) || prefix.starts_with(inner);
        const bool all_before = inner < after && !after.starts_with(inner);
        if (wanted && !all_before && key != kPrivateFolder) {
          ARROW_RETURN_NOT_OK(Collect(inner, prefix, after, keys));
        }
      } else if (key.starts_with(prefix) && key > after && entry->is_regular_file(ignored)) {
        keys->push_back(key);
      }
    }
    const bool nothing_there =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    if (error && (!nothing_there || !IsThere(root_))) {
      return FileError(fmt::format("list {}/{}", root_, folder), error.value());
    }
    return arrow::Status::OK();
  }

  // Under the lock. Best effort: a sidecar too many is harmless.
  void SweepSidecars(const std::string& folder_of_keys) const {
    std::error_code ignored;
    for (const auto& sidecar : fs::directory_iterator(SidecarPath(folder_of_keys), ignored)) {
      const std::string name = sidecar.path().filename().string();
      if (sidecar.is_regular_file(ignored) &&
          !IsThere(fmt::format("{}/{}/{}", root_, folder_of_keys, name))) {
        fs::remove(sidecar.path(), ignored);
      }
    }
  }

  const std::string root_;     // absolute, without a slash at its end
  const std::string private_;  // of the store itself
  const std::string temp_;
  const Clock& clock_;
  FolderLock lock_;
  std::atomic<uint64_t> puts_ = 0;
};

}  // namespace

arrow::Result<std::unique_ptr<Store>> OpenDirectoryStore(const std::string& path,
                                                         const Clock& clock) {
  std::string root = path;
  while (root.size() > 1 && root.ends_with('/')) {
    root.pop_back();
  }
  struct stat info {};
  if (!root.starts_with('/') || stat(root.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return MakeError(
        ErrorKind::kNoBucket,
        fmt::format("\"{}\" is not an existing folder given by its whole path: make it "
                    "(mkdir -p), mount it, or correct the url",
                    path));
  }
  auto store = std::make_unique<DirectoryStore>(std::move(root), clock);
  store->RemoveOldTempFiles();
  return store;
}

}  // namespace cdc::store

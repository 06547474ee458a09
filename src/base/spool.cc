#include "base/spool.h"

#include <arrow/util/logging.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace cdc {
namespace {

using arrow::Result;
using arrow::Status;

struct EvpDelete {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// libcrypto's digest calls fail only on misuse or without memory.
class Sha256Stream {
 public:
  Sha256Stream() : context_(EVP_MD_CTX_new()) {
    ARROW_CHECK(context_ != nullptr);
    ARROW_CHECK_EQ(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr), 1);
  }
  void Add(std::string_view bytes) {
    ARROW_CHECK_EQ(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()), 1);
  }
  Sha256 Finish() {
    Sha256 digest{};
    ARROW_CHECK_EQ(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr), 1);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, EvpDelete> context_;
};

// A file without a name: gone with its descriptor, however the program ends.
class UnlinkedFile {
 public:
  explicit UnlinkedFile(std::string folder) : folder_(std::move(folder)) {}
  ~UnlinkedFile() {
    if (fd_ >= 0) close(fd_);
  }
  UnlinkedFile(const UnlinkedFile&) = delete;
  UnlinkedFile& operator=(const UnlinkedFile&) = delete;

  bool is_open() const { return fd_ >= 0; }

  Status Open() {
    fd_ = open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd_ < 0 && errno != ENOENT && errno != EACCES) fd_ = OpenByName();
    return fd_ >= 0 ? Status::OK() : Error("cannot make a temporary file", errno);
  }

  Status WriteAt(int64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), offset);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        const std::string what = fmt::format("cannot write byte {} of a temporary file", offset);
        return Error(what, written < 0 ? errno : ENOSPC);
      }
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += written;
    }
    return Status::OK();
  }

  Result<int64_t> ReadAt(int64_t offset, char* out, int64_t size) const {
    int64_t done = 0;
    while (done < size) {
      const ssize_t got = pread(fd_, out + done, static_cast<size_t>(size - done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error("cannot read a temporary file", errno);
      if (got == 0) return Error("a temporary file is shorter than what was written", EIO);
      done += got;
    }
    return done;
  }

 private:
  // For file systems without O_TMPFILE (NFS, old overlay mounts).
  int OpenByName() const {
    std::string name = folder_ + "/cdc-to-s3-XXXXXX";
    const int fd = mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) unlink(name.c_str());
    return fd;
  }

  Status Error(std::string_view what, int error) const {
    return Status::IOError(
        fmt::format("{} in the folder {}: {}; make room or mend it there, or set temp_dir "
                    "([run] temp_dir, CDC_RUN_TEMP_DIR) to another folder",
                    what, folder_, std::strerror(error)));
  }

  std::string folder_;
  int fd_ = -1;
};

class SpoolImpl : public Spool {
 public:
  SpoolImpl(std::string temp_dir, int64_t memory_limit_bytes)
      : memory_limit_bytes_(memory_limit_bytes),
        file_(temp_dir.empty() ? "/tmp" : std::move(temp_dir)) {}

  Status Write(std::string_view bytes) override {
    ARROW_CHECK(!sealed_) << "a sealed spool does not change";
    ARROW_RETURN_NOT_OK(failed_);
    failed_ = Append(bytes);
    return failed_;
  }

  Status Seal() override {
    ARROW_CHECK(!sealed_) << "a spool is sealed once";
    ARROW_RETURN_NOT_OK(failed_);
    digest_ = hash_.Finish();
    memory_.shrink_to_fit();
    sealed_ = true;
    return Status::OK();
  }

  int64_t size_bytes() const override { return size_bytes_; }
  int64_t memory_bytes() const override { return static_cast<int64_t>(memory_.size()); }

  const Sha256& sha256() const override {
    ARROW_CHECK(sealed_) << "the hash is known once the spool is sealed";
    return digest_;
  }

  Result<int64_t> ReadAt(int64_t offset, char* out, int64_t size) const override {
    ARROW_CHECK(sealed_) << "a spool is read once it is sealed";
    ARROW_CHECK(offset >= 0 && size >= 0);
    const int64_t available = std::min(size, std::max<int64_t>(0, size_bytes_ - offset));
    if (available == 0) return 0;
    if (file_.is_open()) return file_.ReadAt(offset, out, available);
    std::memcpy(out, memory_.data() + offset, static_cast<size_t>(available));
    return available;
  }

 private:
  Status Append(std::string_view bytes) {
    if (!file_.is_open() && size_bytes_ + std::ssize(bytes) > memory_limit_bytes_) {
      ARROW_RETURN_NOT_OK(MoveToFile());
    }
    if (file_.is_open()) {
      ARROW_RETURN_NOT_OK(file_.WriteAt(size_bytes_, bytes));
    } else {
      AppendToMemory(bytes);
    }
    hash_.Add(bytes);
    size_bytes_ += std::ssize(bytes);
    return Status::OK();
  }

  // Doubles, but never reserves beyond the limit.
  void AppendToMemory(std::string_view bytes) {
    const size_t needed = memory_.size() + bytes.size();
    if (needed > memory_.capacity()) {
      const size_t limit = static_cast<size_t>(memory_limit_bytes_);
      memory_.reserve(std::max(needed, std::min(limit, 2 * memory_.capacity())));
    }
    memory_.append(bytes);
  }

  Status MoveToFile() {
    ARROW_RETURN_NOT_OK(file_.Open());
    ARROW_RETURN_NOT_OK(file_.WriteAt(0, memory_));
    std::string().swap(memory_);
    return Status::OK();
  }

  const int64_t memory_limit_bytes_;
  int64_t size_bytes_ = 0;
  std::string memory_;  // all bytes, until the file is open
  UnlinkedFile file_;   // all bytes, from then on
  Sha256Stream hash_;
  Sha256 digest_{};
  bool sealed_ = false;
  Status failed_;  // of the first write that failed: the bytes are incomplete for good
};

}  // namespace

std::string ToHex(const Sha256& digest) { return fmt::format("{:02x}", fmt::join(digest, "")); }

std::string ToBase64(const Sha256& digest) {
  // 32 bytes are 44 characters; EVP_EncodeBlock adds a NUL.
  std::array<unsigned char, 45> text{};
  const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return std::string(text.begin(), text.begin() + length);
}

Sha256 Sha256Of(std::string_view bytes) {
  Sha256Stream hash;
  hash.Add(bytes);
  return hash.Finish();
}

std::unique_ptr<Spool> Spool::Create(std::string temp_dir, int64_t memory_limit_bytes) {
  return std::make_unique<SpoolImpl>(std::move(temp_dir), memory_limit_bytes);
}

std::unique_ptr<Spool> Spool::FromBytes(std::string bytes) {
  auto spool = std::make_unique<SpoolImpl>("", std::ssize(bytes));
  ARROW_CHECK_OK(spool->Write(bytes));
  ARROW_CHECK_OK(spool->Seal());
  return spool;
}

}  // namespace cdc

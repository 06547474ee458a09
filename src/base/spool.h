#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cdc {

using Sha256 = std::array<uint8_t, 32>;
std::string ToHex(const Sha256& digest);
std::string ToBase64(const Sha256& digest);
Sha256 Sha256Of(std::string_view bytes);

// The bytes of an object before it is put: in memory up to a limit, beyond it in an unlinked
// temporary file, so that peak memory does not depend on an object's size. Its SHA-256 is taken
// while it is written. Write until Seal; read only after it. A full disk is an IOError that names
// the folder.
class Spool {
 public:
  // `temp_dir` is used only beyond `memory_limit_bytes`.
  static std::unique_ptr<Spool> Create(std::string temp_dir, int64_t memory_limit_bytes);
  // A small body, sealed.
  static std::unique_ptr<Spool> FromBytes(std::string bytes);
  virtual ~Spool() = default;

  virtual arrow::Status Write(std::string_view bytes) = 0;
  virtual arrow::Status Seal() = 0;

  virtual int64_t size_bytes() const = 0;
  virtual int64_t memory_bytes() const = 0;  // of size_bytes, what is held in memory
  virtual const Sha256& sha256() const = 0;  // after Seal
  // Reads up to `size` bytes at `offset` into `out`; returns how many (0 at the end). Thread-safe
  // after Seal.
  virtual arrow::Result<int64_t> ReadAt(int64_t offset, char* out, int64_t size) const = 0;
};

}  // namespace cdc

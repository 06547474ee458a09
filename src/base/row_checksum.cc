#include "base/row_checksum.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>

namespace cdc {

namespace {

constexpr size_t kHashedBytes = 10 + 1 + 4 + 10 + 4;

void PutLittleEndian(uint8_t* out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

void RowChecksum::Add(const RowKey& row) {
  uint8_t bytes[kHashedBytes];
  std::memcpy(bytes, row.start_lsn.bytes.data(), 10);
  bytes[10] = row.command_id.has_value();
  PutLittleEndian(bytes + 11, static_cast<uint32_t>(row.command_id.value_or(0)));
  std::memcpy(bytes + 15, row.seqval.bytes.data(), 10);
  PutLittleEndian(bytes + 25, static_cast<uint32_t>(row.operation));
  const XXH128_hash_t hash = XXH3_128bits(bytes, sizeof bytes);
  low_ += hash.low64;
  high_ += hash.high64 + (low_ < hash.low64 ? 1 : 0);  // carry
  ++rows_;
}

std::string RowChecksum::ToString() const { return fmt::format("{:016x}{:016x}", high_, low_); }

}  // namespace cdc

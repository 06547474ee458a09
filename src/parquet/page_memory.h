#pragma once

#include <arrow/memory_pool.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace cdc::pq {

// Memory for the pages of open row groups: what of a buffer was never written to takes none, a
// buffer grows without a second copy of itself, and freed is freed. Thread-safe.
class PageMemory : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** ptr) override;
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override;

  int64_t bytes_allocated() const override { return bytes_; }
  int64_t total_bytes_allocated() const override { return total_bytes_; }
  int64_t num_allocations() const override { return allocations_; }
  std::string backend_name() const override { return "pages"; }

  // Of bytes_allocated, what is really in memory.
  int64_t resident_bytes() const;

 private:
  static bool IsMapped(int64_t size);
  arrow::Status Map(int64_t size, uint8_t** out);
  arrow::Status Remap(int64_t old_size, int64_t new_size, uint8_t** ptr);
  void Note(int64_t size);

  std::atomic<int64_t> bytes_ = 0;
  std::atomic<int64_t> total_bytes_ = 0;
  std::atomic<int64_t> allocations_ = 0;
  mutable std::mutex mutex_;
  std::map<uint8_t*, int64_t> mapped_;  // guarded by mutex_
};

}  // namespace cdc::pq

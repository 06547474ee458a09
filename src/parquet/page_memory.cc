// Why buffers of row groups have an allocator of their own.
//
// Each column's compressed pages are one buffer that doubles until its row group ends. From malloc
// that is a copy at each doubling, with the old and the new buffer there at once, half of the last
// one never used, and holes between the columns' buffers that go back to the system late or never:
// two thirds more than was needed were measured. A mapping of its own grows by moving page tables,
// and its pages exist only once they are written to.
//
// Small buffers, and those of single pages, come and go too often for that.

#include "parquet/page_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace cdc::pq {
namespace {

using arrow::Status;

constexpr int64_t kMappedBytesMin = 128 * 1024;

int64_t MemoryPageBytes() {
  static const int64_t bytes = sysconf(_SC_PAGESIZE);
  return bytes;
}

size_t Mapped(int64_t size) {
  const int64_t page = MemoryPageBytes();
  return static_cast<size_t>((size + page - 1) / page * page);
}

Status NoMemory(int64_t size) { return Status::OutOfMemory("no memory for ", size, " bytes"); }

// A huge page would be there as a whole with its first byte.
void AsSmallPages(void* memory, int64_t size) {
  (void)madvise(memory, Mapped(size), MADV_NOHUGEPAGE);
}

}  // namespace

bool PageMemory::IsMapped(int64_t size) { return size >= kMappedBytesMin; }

void PageMemory::Note(int64_t size) {
  bytes_ += size;
  total_bytes_ += std::max<int64_t>(size, 0);
  ++allocations_;
}

Status PageMemory::Map(int64_t size, uint8_t** out) {
  void* memory =
      mmap(nullptr, Mapped(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NoMemory(size);
  AsSmallPages(memory, size);
  *out = static_cast<uint8_t*>(memory);
  const std::lock_guard lock(mutex_);
  mapped_[*out] = size;
  return Status::OK();
}

Status PageMemory::Remap(int64_t old_size, int64_t new_size, uint8_t** ptr) {
  void* memory = mremap(*ptr, Mapped(old_size), Mapped(new_size), MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return NoMemory(new_size);
  AsSmallPages(memory, new_size);
  const std::lock_guard lock(mutex_);
  mapped_.erase(*ptr);
  *ptr = static_cast<uint8_t*>(memory);
  mapped_[*ptr] = new_size;
  return Status::OK();
}

Status PageMemory::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  ARROW_RETURN_NOT_OK(IsMapped(size) ? Map(size, out)
                                     : arrow::system_memory_pool()->Allocate(size, alignment, out));
  Note(size);
  return Status::OK();
}

Status PageMemory::Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                              uint8_t** ptr) {
  if (IsMapped(old_size) == IsMapped(new_size)) {
    ARROW_RETURN_NOT_OK(IsMapped(old_size) ? Remap(old_size, new_size, ptr)
                                           : arrow::system_memory_pool()->Reallocate(
                                                 old_size, new_size, alignment, ptr));
    Note(new_size - old_size);
    return Status::OK();
  }
  uint8_t* moved = nullptr;
  ARROW_RETURN_NOT_OK(Allocate(new_size, alignment, &moved));
  std::memcpy(moved, *ptr, static_cast<size_t>(std::min(old_size, new_size)));
  Free(*ptr, old_size, alignment);
  *ptr = moved;
  return Status::OK();
}

void PageMemory::Free(uint8_t* buffer, int64_t size, int64_t alignment) {
  bytes_ -= size;
  if (!IsMapped(size)) return arrow::system_memory_pool()->Free(buffer, size, alignment);
  {
    const std::lock_guard lock(mutex_);
    mapped_.erase(buffer);
  }
  munmap(buffer, Mapped(size));
}

int64_t PageMemory::resident_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = bytes_;
  for (const auto& [memory, size] : mapped_) {
    std::vector<unsigned char> pages(Mapped(size) / static_cast<size_t>(MemoryPageBytes()));
    if (mincore(memory, Mapped(size), pages.data()) != 0) continue;
    bytes -= size - MemoryPageBytes() * std::ranges::count_if(pages, [](auto p) { return p & 1; });
  }
  return bytes;
}

}  // namespace cdc::pq

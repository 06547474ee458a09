#include "parquet/page_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace cdc::pq {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kMiB = 1 << 20;

// A buffer of `size` bytes, the first `written` of them 'x'.
uint8_t* Allocate(PageMemory* memory, int64_t size, int64_t written) {
  uint8_t* buffer = nullptr;
  EXPECT_TRUE(memory->Allocate(size, kAlignment, &buffer).ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer) % kAlignment, 0U);
  std::memset(buffer, 'x', static_cast<size_t>(written));
  return buffer;
}

TEST(PageMemory, a_buffer_keeps_its_bytes_whatever_sizes_it_passes_through) {
  PageMemory memory;
  int64_t size = 0;
  uint8_t* buffer = Allocate(&memory, size, 0);
  int64_t kept = 0;
  for (const int64_t next : {int64_t{100}, 64 * 1024L, 4 * kMiB, 300 * 1024L, 9 * kMiB, 50L, 0L}) {
    ASSERT_TRUE(memory.Reallocate(size, next, kAlignment, &buffer).ok());
    kept = std::min(kept, next);
    EXPECT_TRUE(std::all_of(buffer, buffer + kept, [](uint8_t byte) { return byte == 'x'; }));
    std::memset(buffer, 'x', static_cast<size_t>(next));
    kept = size = next;
    EXPECT_EQ(memory.bytes_allocated(), size);
  }
  memory.Free(buffer, size, kAlignment);
  EXPECT_EQ(memory.bytes_allocated(), 0);
  EXPECT_EQ(memory.resident_bytes(), 0);
}

TEST(PageMemory, what_was_never_written_to_takes_nothing) {
  PageMemory memory;
  uint8_t* buffer = Allocate(&memory, 64 * kMiB, kMiB);
  EXPECT_EQ(memory.bytes_allocated(), 64 * kMiB);
  EXPECT_GE(memory.resident_bytes(), kMiB);
  EXPECT_LT(memory.resident_bytes(), 2 * kMiB);
  ASSERT_TRUE(memory.Reallocate(64 * kMiB, 128 * kMiB, kAlignment, &buffer).ok());
  EXPECT_LT(memory.resident_bytes(), 2 * kMiB);
  memory.Free(buffer, 128 * kMiB, kAlignment);
}

TEST(PageMemory, more_than_there_is_is_an_error) {
  PageMemory memory;
  uint8_t* buffer = nullptr;
  EXPECT_TRUE(memory.Allocate(int64_t{1} << 60, kAlignment, &buffer).IsOutOfMemory());
  buffer = Allocate(&memory, kMiB, kMiB);
  EXPECT_TRUE(memory.Reallocate(kMiB, int64_t{1} << 60, kAlignment, &buffer).IsOutOfMemory());
  EXPECT_EQ(buffer[kMiB - 1], 'x') << "it stays as it was";
  memory.Free(buffer, kMiB, kAlignment);
}

}  // namespace
}  // namespace cdc::pq

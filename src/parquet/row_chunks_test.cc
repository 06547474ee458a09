#include "parquet/row_chunks.h"

#include <arrow/api.h>
#include <arrow/util/logging.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <vector>

namespace cdc::pq {
namespace {

// One column of values with these lengths, whose bytes are all zeros that were never written: they
// take no memory.
class Zeros {
 public:
  explicit Zeros(const std::vector<int64_t>& lengths) {
    std::vector<int64_t> offsets{0};
    for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
    size_ = static_cast<size_t>(offsets.back());
    memory_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ARROW_CHECK(memory_ != MAP_FAILED);
    const auto rows = std::ssize(lengths);
    const auto values = std::make_shared<arrow::Buffer>(static_cast<const uint8_t*>(memory_),
                                                        static_cast<int64_t>(size_));
    const auto array = arrow::MakeArray(arrow::ArrayData::Make(
        arrow::large_binary(), rows,
        {nullptr, arrow::Buffer::FromVector(std::move(offsets)), values}, 0));
    batch_ = arrow::RecordBatch::Make(arrow::schema({arrow::field("a", arrow::large_binary())}),
                                      rows, {array});
  }
  ~Zeros() {
    batch_.reset();
    munmap(memory_, size_);
  }
  const arrow::RecordBatch& batch() const { return *batch_; }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<arrow::RecordBatch> batch_;
};

struct Chunk {
  int64_t rows;
  int64_t bytes;
  bool operator==(const Chunk&) const = default;
};

std::vector<Chunk> ChunksOf(const arrow::RecordBatch& batch, int64_t rows_at_once) {
  std::vector<Chunk> found;
  RowChunks chunks(100, 1000, [&](const arrow::RecordBatch& chunk) {
    found.push_back({chunk.num_rows(), ValueBytes(chunk, 0, chunk.num_rows())});
    return arrow::Status::OK();
  });
  for (int64_t at = 0; at < batch.num_rows(); at += rows_at_once) {
    ARROW_CHECK_OK(chunks.Add(*batch.Slice(at, rows_at_once)));
  }
  ARROW_CHECK_OK(chunks.Flush());
  return found;
}

TEST(RowChunks, a_row_larger_than_a_chunk_is_alone_however_rows_come) {
  const Zeros zeros({10, 20, 5000, 6000, 400, 300, 300, 1, 999, 1000, 7});
  const std::vector<Chunk> expected = {{2, 30},   {1, 5000}, {1, 6000}, {3, 1000},
                                       {2, 1000}, {1, 1000}, {1, 7}};
  for (const int64_t rows_at_once : {1, 2, 3, 11}) {
    EXPECT_EQ(ChunksOf(zeros.batch(), rows_at_once), expected) << rows_at_once;
  }
}

// The library refuses a page above 2 GiB, and cuts pages only between calls.
TEST(RowChunks, a_batch_of_more_than_two_gib_is_handed_on_row_by_row_without_a_copy) {
  constexpr int64_t kBytes = 64 << 20;
  const Zeros zeros(std::vector<int64_t>(40, kBytes));
  const auto* begin = zeros.batch().column_data(0)->buffers[2]->data();
  int64_t rows = 0;
  RowChunks chunks(1024, 1 << 20, [&](const arrow::RecordBatch& chunk) {
    EXPECT_EQ(chunk.num_rows(), 1);
    const auto& value = static_cast<const arrow::LargeBinaryArray&>(*chunk.column(0));
    EXPECT_EQ(value.value_length(0), kBytes);
    EXPECT_EQ(value.GetView(0).data(), reinterpret_cast<const char*>(begin + rows * kBytes));
    ++rows;
    return arrow::Status::OK();
  });
  ASSERT_TRUE(chunks.Add(zeros.batch()).ok());
  EXPECT_EQ(rows, 40);
  EXPECT_EQ(chunks.pending_rows(), 0);
}

}  // namespace
}  // namespace cdc::pq

#include "capture/overlapped_writer.h"

#include "parquet/row_chunks.h"

namespace cdc::capture {

namespace {

constexpr int kBatchesWithoutThread = 2;
constexpr int64_t kLongBatchBytes = 4 << 20;

}  // namespace

using arrow::Status;

OverlappedWriter::~OverlappedWriter() { End(); }

Status OverlappedWriter::Write(std::shared_ptr<arrow::RecordBatch> batch) {
  if (++batches_ <= kBatchesWithoutThread) {
    ARROW_RETURN_NOT_OK(writer_->Write(*batch));
    estimated_bytes_ = writer_->estimated_bytes();
    return Status::OK();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Work(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_ == nullptr || !status_.ok(); });
  ARROW_RETURN_NOT_OK(status_);
  const bool is_long = pq::ValueBytes(*batch, 0, batch->num_rows()) >= kLongBatchBytes;
  waiting_ = std::move(batch);
  changed_.notify_all();
  if (!is_long) return Status::OK();
  changed_.wait(lock, [this] { return (waiting_ == nullptr && !encoding_) || !status_.ok(); });
  return status_;
}

int64_t OverlappedWriter::estimated_bytes() const {
  const std::lock_guard lock(mutex_);
  return estimated_bytes_;
}

arrow::Result<std::unique_ptr<Spool>> OverlappedWriter::Close(const pq::FooterRecord& record) {
  End();
  ARROW_RETURN_NOT_OK(status_);
  return writer_->Close(record);
}

void OverlappedWriter::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return over_ || waiting_ != nullptr; });
    if (waiting_ == nullptr) return;
    auto batch = std::move(waiting_);
    waiting_ = nullptr;
    encoding_ = true;
    changed_.notify_all();
    lock.unlock();
    Status written = writer_->Write(*batch);
    const int64_t bytes = writer_->estimated_bytes();
    batch.reset();
    lock.lock();
    estimated_bytes_ = bytes;
    encoding_ = false;
    if (!written.ok()) status_ = std::move(written);
    changed_.notify_all();
    if (!status_.ok()) return;
  }
}

// What waits is still written: the thread looks for work before it ends.
void OverlappedWriter::End() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace cdc::capture

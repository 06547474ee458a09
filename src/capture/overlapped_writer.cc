#include "capture/overlapped_writer.h"

namespace cdc::capture {

namespace {

constexpr int kBatchesWithoutThread = 2;

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
  waiting_ = std::move(batch);
  changed_.notify_all();
  return Status::OK();
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
    const auto batch = std::move(waiting_);
    waiting_ = nullptr;
    changed_.notify_all();
    lock.unlock();
    Status written = writer_->Write(*batch);
    const int64_t bytes = writer_->estimated_bytes();
    lock.lock();
    estimated_bytes_ = bytes;
    if (written.ok()) continue;
    status_ = std::move(written);
    changed_.notify_all();
    return;
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

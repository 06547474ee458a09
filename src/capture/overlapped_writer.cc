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
    const MutexLock lock(mutex_);
    estimated_bytes_ = writer_->estimated_bytes();
    return Status::OK();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Work(); });
  MutexLock lock(mutex_);
  changed_.Wait(mutex_, [this]() REQUIRES(mutex_) { return waiting_ == nullptr || !status_.ok(); });
  ARROW_RETURN_NOT_OK(status_);
  const bool is_long = pq::ValueBytes(*batch, 0, batch->num_rows()) >= kLongBatchBytes;
  waiting_ = std::move(batch);
  changed_.NotifyAll();
  if (!is_long) return Status::OK();
  changed_.Wait(mutex_, [this]() REQUIRES(mutex_) {
    return (waiting_ == nullptr && !encoding_) || !status_.ok();
  });
  return status_;
}

int64_t OverlappedWriter::estimated_bytes() const {
  const MutexLock lock(mutex_);
  return estimated_bytes_;
}

arrow::Result<std::unique_ptr<Spool>> OverlappedWriter::Close(const pq::FooterRecord& record) {
  End();
  const MutexLock lock(mutex_);
  ARROW_RETURN_NOT_OK(status_);
  return writer_->Close(record);
}

void OverlappedWriter::Work() {
  MutexLock lock(mutex_);
  for (;;) {
    changed_.Wait(mutex_, [this]() REQUIRES(mutex_) { return over_ || waiting_ != nullptr; });
    if (waiting_ == nullptr) return;
    auto batch = std::move(waiting_);
    waiting_ = nullptr;
    encoding_ = true;
    changed_.NotifyAll();
    lock.Unlock();
    Status written = writer_->Write(*batch);
    const int64_t bytes = writer_->estimated_bytes();
    batch.reset();
    lock.Lock();
    estimated_bytes_ = bytes;
    encoding_ = false;
    if (!written.ok()) status_ = std::move(written);
    changed_.NotifyAll();
    if (!status_.ok()) return;
  }
}

// What waits is still written: the thread looks for work before it ends.
void OverlappedWriter::End() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    over_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

}  // namespace cdc::capture

#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>

#include <memory>
#include <thread>

#include "base/mutex.h"
#include "parquet/object_writer.h"

namespace cdc::capture {

// An object writer that encodes beside its caller, so that the next rows are fetched meanwhile. At
// most one batch waits and one is being encoded, and the caller waits for a batch of long values,
// so that there is one of those at a time. An object of few batches is written by the caller
// itself: a thread would cost more than it saves.
class OverlappedWriter {
 public:
  explicit OverlappedWriter(std::unique_ptr<pq::ObjectWriter> writer)
      : writer_(std::move(writer)) {}
  ~OverlappedWriter();
  OverlappedWriter(const OverlappedWriter&) = delete;
  OverlappedWriter& operator=(const OverlappedWriter&) = delete;

  // An error may be that of an earlier batch.
  arrow::Status Write(std::shared_ptr<arrow::RecordBatch> batch);
  // Of the batches encoded so far, so up to two batches behind.
  int64_t estimated_bytes() const;
  arrow::Result<std::unique_ptr<Spool>> Close(const pq::FooterRecord& record);

 private:
  void Work();
  void End();

  std::unique_ptr<pq::ObjectWriter> writer_;  // the thread's alone while it runs
  int batches_ = 0;
  std::thread thread_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<arrow::RecordBatch> waiting_ GUARDED_BY(mutex_);
  bool encoding_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;
  int64_t estimated_bytes_ GUARDED_BY(mutex_) = 0;
  arrow::Status status_ GUARDED_BY(mutex_);
};

}  // namespace cdc::capture

#pragma once

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>

#include "base/spool.h"

namespace cdc::pq {

// A spool as Arrow's output stream. Once abandoned, every write fails: the library writes a footer
// even when a file is destroyed half-way, and that footer must not reach the bytes.
class SpoolSink : public arrow::io::OutputStream {
 public:
  explicit SpoolSink(std::unique_ptr<Spool> spool) : spool_(std::move(spool)) {}

  using arrow::io::Writable::Write;
  arrow::Status Write(const void* data, int64_t size) override;
  arrow::Result<int64_t> Tell() const override { return spool_->size_bytes(); }
  arrow::Status Close() override;
  bool closed() const override { return closed_; }

  void Abandon() { abandoned_ = true; }
  std::unique_ptr<Spool> Take() { return std::move(spool_); }
  int64_t size_bytes() const { return spool_->size_bytes(); }

 private:
  std::unique_ptr<Spool> spool_;
  bool abandoned_ = false;
  bool closed_ = false;
};

}  // namespace cdc::pq

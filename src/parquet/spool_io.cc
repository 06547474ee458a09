#include "parquet/spool_io.h"

#include <arrow/buffer.h>
#include <arrow/result.h>

#include <string_view>

#include "parquet/object_reader.h"

namespace cdc::pq {
namespace {

using arrow::Result;
using arrow::Status;

class SpoolFile : public arrow::io::RandomAccessFile {
 public:
  explicit SpoolFile(const Spool& spool) : spool_(spool) {}

  Result<int64_t> GetSize() override { return spool_.size_bytes(); }

  Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    return spool_.ReadAt(position, static_cast<char*>(out), size);
  }

  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, size, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, size, out));
    position_ += got;
    return got;
  }

  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size));
    position_ += buffer->size();
    return buffer;
  }

  Status Seek(int64_t position) override {
    position_ = position;
    return Status::OK();
  }
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  const Spool& spool_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

Status SpoolSink::Write(const void* data, int64_t size) {
  if (abandoned_) return Status::Cancelled("the object was given up");
  return spool_->Write({static_cast<const char*>(data), static_cast<size_t>(size)});
}

Status SpoolSink::Close() {
  closed_ = true;
  return Status::OK();
}

std::shared_ptr<arrow::io::RandomAccessFile> OpenSpool(const Spool& spool) {
  return std::make_shared<SpoolFile>(spool);
}

}  // namespace cdc::pq

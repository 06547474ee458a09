#include "parquet/stored_object.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "parquet/object_reader.h"

namespace cdc::pq {

namespace {

using arrow::Result;
using arrow::Status;

// As much as the reader of footers asks for first; most footers are shorter.
constexpr int64_t kFirstTail = 64 << 10;
// Far beyond a footer of ours with a thousand columns: what says that it is longer is not ours.
constexpr int64_t kFooterBytesMax = 64 << 20;

// The end of an object as a file to read from.
class TailFile : public arrow::io::RandomAccessFile {
 public:
  TailFile(store::Store& data, std::string key, store::Tail tail)
      : data_(data), key_(std::move(key)), tail_(std::move(tail)) {}

  Result<int64_t> GetSize() override { return tail_.size_bytes; }
  Result<int64_t> ReadAt(int64_t position, int64_t bytes, void* out) override {
    const int64_t begin = std::clamp(position, int64_t{0}, tail_.size_bytes);
    ARROW_RETURN_NOT_OK(Reach(begin));
    const int64_t offset = begin - (tail_.size_bytes - std::ssize(tail_.bytes));
    const int64_t count = std::clamp(tail_.size_bytes - begin, int64_t{0}, bytes);
    std::memcpy(out, tail_.bytes.data() + offset, static_cast<size_t>(count));
    return count;
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t bytes) override {
    std::string read(static_cast<size_t>(std::clamp(bytes, int64_t{0}, kFooterBytesMax)), '\0');
    ARROW_ASSIGN_OR_RAISE(const int64_t count, ReadAt(position, std::ssize(read), read.data()));
    read.resize(static_cast<size_t>(count));
    return std::shared_ptr<arrow::Buffer>(arrow::Buffer::FromString(std::move(read)));
  }
  Result<int64_t> Read(int64_t bytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t count, ReadAt(position_, bytes, out));
    position_ += count;
    return count;
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto read, ReadAt(position_, bytes));
    position_ += read->size();
    return read;
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

  // Why the store did not answer, if it did not: no word about the object.
  const Status& trouble() const { return trouble_; }

 private:
  Status Reach(int64_t begin) {
    const int64_t needed = tail_.size_bytes - begin;
    if (needed <= std::ssize(tail_.bytes)) return Status::OK();
    if (needed > kFooterBytesMax) return Status::Invalid("its footer is too long for one of ours");
    auto longer = data_.GetTail(key_, needed);
    if (!longer.ok()) return trouble_ = longer.status();
    if (longer->size_bytes != tail_.size_bytes || std::ssize(longer->bytes) != needed) {
      return Status::Invalid("it was replaced while its footer was read");
    }
    tail_ = std::move(*longer);
    return Status::OK();
  }

  store::Store& data_;
  const std::string key_;
  store::Tail tail_;
  Status trouble_;
  int64_t position_ = 0;
  bool closed_ = false;
};

// What `read` makes of the end of an object.
template <typename T, typename Read>
Result<T> FromTail(store::Store& data, const std::string& key, const Read& read) {
  ARROW_ASSIGN_OR_RAISE(store::Tail tail, data.GetTail(key, kFirstTail));
  const auto file = std::make_shared<TailFile>(data, key, std::move(tail));
  Result<T> result = read(file);
  if (result.ok()) return result;
  ARROW_RETURN_NOT_OK(file->trouble());
  if (result.status().IsOutOfMemory()) return result;
  return Status::Invalid(result.status().message());
}

bool IsMissing(const Status& status) {
  return store::KindOf(status) == store::ErrorKind::kNotFound;
}

}  // namespace

Result<FooterRecord> ReadRecord(store::Store& data, const std::string& key) {
  return FromTail<FooterRecord>(data, key, [](const auto& file) { return ReadFooter(file); });
}

Result<StoredObject> ReadStored(store::Store& data, const std::string& key) {
  const auto read = [](const std::shared_ptr<TailFile>& file) -> Result<StoredObject> {
    ARROW_ASSIGN_OR_RAISE(auto record, ReadFooter(file));
    ARROW_ASSIGN_OR_RAISE(auto schema, ReadSchema(file));
    return StoredObject{std::move(record), std::move(schema)};
  };
  return FromTail<StoredObject>(data, key, read);
}

Result<ObjectThere> IdentifyObject(store::Store& data, const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(const auto head, data.Head(key));
  if (!head) return ObjectThere{};
  ObjectThere found{true, IdentityFromUserMetadata(head->metadata)};
  if (found.identity) return found;
  const auto record = ReadRecord(data, key);
  if (record.ok()) {
    found.identity = *record;
    return found;
  }
  if (IsMissing(record.status())) return ObjectThere{};  // moved away between the two calls
  return record.status().IsInvalid() ? Result<ObjectThere>(found) : record.status();
}

}  // namespace cdc::pq

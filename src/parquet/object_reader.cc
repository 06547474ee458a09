#include "parquet/object_reader.h"

#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <map>
#include <optional>
#include <utility>

#include "base/row_checksum.h"
#include "parquet/catch.h"
#include "parquet/geo_record.h"
#include "parquet/row_key_columns.h"

namespace cdc::pq {
namespace {

using arrow::RecordBatch;
using arrow::Result;
using arrow::Status;
using FilePtr = std::shared_ptr<arrow::io::RandomAccessFile>;

constexpr int64_t kRowsPerRead = 1024;
constexpr int64_t kStreamBufferBytes = 64 * 1024;

// Without checksum verification nearly every flipped bit in a page reads as a wrong value.
::parquet::ReaderProperties ReaderSettings() {
  ::parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  properties.enable_buffered_stream();
  properties.set_buffer_size(kStreamBufferBytes);
  return properties;
}

Result<std::unique_ptr<::parquet::arrow::FileReader>> OpenReader(const FilePtr& file) {
  ::parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(file, ReaderSettings()));
  ::parquet::ArrowReaderProperties properties;
  properties.set_pre_buffer(false);  // it would hold whole row groups
  properties.set_batch_size(kRowsPerRead);
  properties.set_arrow_extensions_enabled(true);
  builder.properties(properties);
  return builder.Build();
}

Result<FooterRecord> RecordOf(const ::parquet::FileMetaData& footer) {
  std::map<std::string, std::string> values;
  if (const auto& pairs = footer.key_value_metadata(); pairs != nullptr) {
    for (int64_t i = 0; i < pairs->size(); ++i) values[pairs->key(i)] = pairs->value(i);
  }
  ARROW_ASSIGN_OR_RAISE(FooterRecord record, FooterRecord::FromKeyValues(values));
  if (record.rows != footer.num_rows()) {
    return Status::Invalid("the footer's record says ", record.rows, " rows, the file has ",
                           footer.num_rows());
  }
  return record;
}

// Proves a record from the rows, batch by batch.
class RowsProof {
 public:
  explicit RowsProof(const FooterRecord& record) : record_(record) {}

  Status Add(const RecordBatch& batch) {
    ARROW_ASSIGN_OR_RAISE(const RowKeyColumns keys, RowKeyColumns::Of(batch));
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const RowKey key, keys.At(row));
      ARROW_RETURN_NOT_OK(Add(key));
    }
    return Status::OK();
  }

  Status Finish() const {
    if (sum_.rows() != record_.rows) {
      return Status::Invalid("the record says ", record_.rows, " rows, read were ", sum_.rows());
    }
    if (sum_.ToString() != record_.checksum) {
      return Status::Invalid("the rows' checksum is ", sum_.ToString(), ", the record says ",
                             record_.checksum);
    }
    return Status::OK();
  }

 private:
  Status Add(const RowKey& key) {
    if (last_ && !(*last_ < key)) return Wrong(key, "is not after the row before it");
    if (record_.from.Covers(key)) return Wrong(key, "is not after the object's from");
    if (!record_.to.Covers(key)) return Wrong(key, "is after the object's to");
    sum_.Add(key);
    last_ = key;
    return Status::OK();
  }

  Status Wrong(const RowKey& key, const char* what) const {
    return Status::Invalid("row ", sum_.rows(), " (", Position::AfterRow(key).ToString(), ") ",
                           what);
  }

  const FooterRecord& record_;
  RowChecksum sum_;
  std::optional<RowKey> last_;
};

}  // namespace

Result<FilePtr> OpenLocal(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  return file;
}

Result<FooterRecord> ReadFooter(FilePtr file) {
  FooterRecord record;
  ARROW_RETURN_NOT_OK(CatchParquet([&]() -> Status {
    const auto reader = ::parquet::ParquetFileReader::Open(std::move(file), ReaderSettings());
    return RecordOf(*reader->metadata()).Value(&record);
  }));
  return record;
}

Result<std::shared_ptr<arrow::Schema>> ReadSchema(FilePtr file) {
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(CatchParquet([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto reader, OpenReader(file));
    ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
    const auto& pairs = reader->parquet_reader()->metadata()->key_value_metadata();
    if (pairs != nullptr && pairs->Contains(kGeoParquetKey)) {
      schema = WithGeo(schema, pairs->Get(kGeoParquetKey).ValueOr(""));
    }
    return Status::OK();
  }));
  return schema;
}

Result<FooterRecord> VerifyObject(FilePtr file) {
  FooterRecord record;
  ARROW_RETURN_NOT_OK(CatchParquet([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto reader, OpenReader(file));
    ARROW_ASSIGN_OR_RAISE(record, RecordOf(*reader->parquet_reader()->metadata()));
    ARROW_ASSIGN_OR_RAISE(const auto batches, reader->GetRecordBatchReader());
    RowsProof proof(record);
    for (;;) {
      std::shared_ptr<RecordBatch> batch;
      ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
      if (batch == nullptr) return proof.Finish();
      ARROW_RETURN_NOT_OK(proof.Add(*batch));
    }
  }));
  return record;
}

}  // namespace cdc::pq

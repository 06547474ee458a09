#include "parquet/object_writer.h"

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/logging.h>
#include <parquet/column_writer.h>
#include <parquet/file_writer.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "parquet/catch.h"
#include "parquet/dictionary_choice.h"
#include "parquet/geo_record.h"
#include "parquet/row_chunks.h"
#include "parquet/spool_io.h"
#include "parquet/writer_settings.h"

namespace cdc::pq {
namespace {

using arrow::RecordBatch;
using arrow::Result;
using arrow::Status;

// What the library gets in one call. It cuts pages only between its inner batches of 1,024 rows,
// and refuses a page above 2 GiB; smaller calls than 1,024 rows cost speed (12 % at 256).
constexpr int64_t kChunkRows = 1024;
constexpr int64_t kChunkBytes = 1 << 20;
// An open row group lives in memory: its compressed pages, the values of pages not yet cut, its
// dictionaries with their hash tables. The caller bounds it, because several may be open at once; a
// table of hundreds of columns gets more, because groups of a few rows would cost more in the
// footer than they save. Larger groups gain next to nothing: 25.0 bytes a row with 64 Ki rows, 24.7
// with 2 Mi.
constexpr int64_t kRowGroupRows = 128 * 1024;
constexpr int64_t kColumnMemoryBytes = 128 * 1024;
// A dictionary with the hash table that finds its values: for numbers, which need most beside them.
constexpr int64_t kDictionaryTimes = 8;
// Pages seen before their compression ratio is believed.
constexpr int64_t kRatioBytesMin = 64 * 1024;

// Definition levels of one flat column: 1 where there is a value.
class Levels {
 public:
  const int16_t* Of(const arrow::Array& array) {
    levels_.assign(static_cast<size_t>(array.length()), 1);
    if (array.null_count() > 0) {
      for (int64_t i = 0; i < array.length(); ++i) {
        levels_[static_cast<size_t>(i)] = array.IsValid(i) ? 1 : 0;
      }
    }
    return levels_.data();
  }

 private:
  std::vector<int16_t> levels_;
};

class ObjectWriterImpl : public ObjectWriter {
 public:
  ObjectWriterImpl(std::shared_ptr<arrow::Schema> schema, std::unique_ptr<Spool> spool,
                   int64_t row_group_memory_bytes)
      : schema_(std::move(schema)),
        memory_limit_bytes_(
            std::max(row_group_memory_bytes, kColumnMemoryBytes * schema_->num_fields())),
        sink_(std::make_shared<SpoolSink>(std::move(spool))),
        chunks_(kChunkRows, kChunkBytes, [this](const RecordBatch& c) { return TakeChunk(c); }) {}

  // ~ParquetFileWriter writes a footer; it must find a sink that refuses.
  ~ObjectWriterImpl() override { Abandon(); }

  // Whether the schema can be written at all.
  Status CheckSchema() { return LayOut(*schema_, WriterPool()).status(); }

  Status Write(const RecordBatch& batch) override {
    ARROW_CHECK(!closed_) << "a closed object does not grow";
    ARROW_RETURN_NOT_OK(failed_);
    ARROW_RETURN_NOT_OK(Check(batch));
    const Status status = CatchParquet([&] { return chunks_.Add(batch); });
    if (!status.ok()) return Fail(status);
    rows_ += batch.num_rows();
    UpdateEstimate();
    return Status::OK();
  }

  int64_t rows() const override { return rows_; }
  int64_t estimated_bytes() const override { return estimated_bytes_; }

  Result<std::unique_ptr<Spool>> Close(const FooterRecord& record) override {
    ARROW_CHECK(!closed_) << "an object is closed once";
    ARROW_RETURN_NOT_OK(failed_);
    ARROW_CHECK_EQ(record.rows, rows_) << "the footer's row count must be the object's";
    const Status status = CatchParquet([&] { return Finish(record); });
    if (!status.ok()) return Fail(status);
    closed_ = true;
    auto spool = sink_->Take();
    ARROW_RETURN_NOT_OK(spool->Seal());
    return spool;
  }

 private:
  Status Fail(const Status& status) {
    failed_ = status;
    Abandon();
    return status;
  }

  void Abandon() {
    sink_->Abandon();
    group_ = nullptr;
    file_.reset();
  }

  Status Check(const RecordBatch& batch) const {
    if (!batch.schema()->Equals(*schema_, /*check_metadata=*/false)) {
      return Status::Invalid("a batch has the columns ", batch.schema()->ToString(),
                             ", the object has ", schema_->ToString());
    }
    for (int i = 0; i < batch.num_columns(); ++i) {
      if (!schema_->field(i)->nullable() && batch.column(i)->null_count() > 0) {
        return Status::Invalid("column ", schema_->field(i)->name(), " has a NULL");
      }
    }
    return Status::OK();
  }

  // The first rows wait until there are enough of them to judge how to encode each column.
  Status TakeChunk(const RecordBatch& chunk) {
    if (file_ != nullptr) return WriteChunk(chunk);
    first_rows_.push_back(chunk.Slice(0));
    first_rows_count_ += chunk.num_rows();
    first_rows_bytes_ += ValueBytes(chunk, 0, chunk.num_rows());
    const bool enough = first_rows_count_ >= kJudgedRows || first_rows_bytes_ >= kJudgedBytes;
    return enough ? Begin() : Status::OK();
  }

  Status Begin() {
    const auto dictionaries = DictionariesThatPay(first_rows_, schema_->num_fields());
    ARROW_ASSIGN_OR_RAISE(layout_, LayOut(*schema_, WriterPool(), dictionaries));
    context_.emplace(WriterPool(), layout_.arrow_properties.get());
    file_ = ::parquet::ParquetFileWriter::Open(sink_, layout_.schema, layout_.properties);
    for (const auto& chunk : first_rows_) ARROW_RETURN_NOT_OK(WriteChunk(*chunk));
    first_rows_.clear();
    first_rows_bytes_ = 0;
    return Status::OK();
  }

  Status WriteChunk(const RecordBatch& chunk) {
    if (ValueBytes(chunk, 0, 1) >= kChunkBytes) return WriteAlone(chunk);
    if (group_ == nullptr) group_ = file_->AppendBufferedRowGroup();
    for (int i = 0; i < chunk.num_columns(); ++i) {
      ARROW_RETURN_NOT_OK(WriteColumn(group_->column(i), i, *chunk.column(i)));
    }
    group_rows_ += chunk.num_rows();
    if (group_rows_ >= kRowGroupRows || GroupBytes() >= memory_limit_bytes_) CloseGroup();
    return Status::OK();
  }

  // A row of long values is a row group by itself, written column by column straight to the sink:
  // in an open row group every column keeps its pages, and buffers as large as its largest page.
  Status WriteAlone(const RecordBatch& row) {
    CloseGroup();
    group_ = file_->AppendRowGroup();
    for (int i = 0; i < row.num_columns(); ++i) {
      ARROW_RETURN_NOT_OK(WriteColumn(group_->NextColumn(), i, *row.column(i)));
    }
    CloseGroup();
    return Status::OK();
  }

  Status WriteColumn(::parquet::ColumnWriter* writer, int index, const arrow::Array& array) {
    if (array.type_id() == arrow::Type::EXTENSION) {
      return WriteColumn(writer, index,
                         *static_cast<const arrow::ExtensionArray&>(array).storage());
    }
    const bool nullable = schema_->field(index)->nullable();
    const int16_t* levels = nullable ? levels_.Of(array) : nullptr;
    return writer->WriteArrow(levels, nullptr, array.length(), array, &*context_, nullable);
  }

  void CloseGroup() {
    if (group_ == nullptr) return;
    group_->Close();
    closed_pages_.raw += group_->total_bytes_written();
    closed_pages_.compressed += group_->total_compressed_bytes_written();
    group_ = nullptr;
    group_rows_ = 0;
  }

  Status Finish(const FooterRecord& record) {
    ARROW_RETURN_NOT_OK(chunks_.Flush());
    if (file_ == nullptr) ARROW_RETURN_NOT_OK(Begin());
    CloseGroup();
    auto values = record.ToKeyValues();
    if (!layout_.geo_record.empty()) values[kGeoParquetKey] = layout_.geo_record;
    std::vector<std::string> keys;
    std::vector<std::string> texts;
    for (const auto& [key, text] : values) {
      keys.push_back(key);
      texts.push_back(text);
    }
    file_->AddKeyValueMetadata(arrow::key_value_metadata(std::move(keys), std::move(texts)));
    file_->Close();
    file_.reset();
    return Status::OK();
  }

  // What the open row group takes: compressed pages, values that wait for one in buffers that
  // double, and dictionaries with hash tables.
  int64_t GroupBytes() const {
    const auto waiting = group_->estimated_buffered_stats();
    return group_->total_compressed_bytes() + group_->total_compressed_bytes_written() +
           (waiting.value_bytes + waiting.def_level_bytes) * 3 / 2 +
           waiting.dict_bytes * kDictionaryTimes;
  }

  struct Pages {
    int64_t raw = 0;
    int64_t compressed = 0;
  };
  struct Open {
    Pages pages;
    int64_t values = 0;  // not yet in a page, dictionaries among them
  };

  Open OpenBytes() const {
    if (group_ == nullptr) return {};
    const auto buffered = group_->estimated_buffered_stats();
    return {{group_->total_bytes_written(),
             group_->total_compressed_bytes() + group_->total_compressed_bytes_written()},
            buffered.value_bytes + buffered.dict_bytes + buffered.def_level_bytes};
  }

  // Values that are not yet in a page are counted with the compression that the pages so far had:
  // with many columns they are the larger part of an open row group.
  void UpdateEstimate() {
    const Open open = OpenBytes();
    const int64_t raw = closed_pages_.raw + open.pages.raw;
    const int64_t compressed = closed_pages_.compressed + open.pages.compressed;
    const double ratio =
        raw < kRatioBytesMin ? 1.0 : static_cast<double>(compressed) / static_cast<double>(raw);
    const auto pending = static_cast<double>(open.values + chunks_.pending_bytes());
    const int64_t now = sink_->size_bytes() + open.pages.compressed + first_rows_bytes_ / 2 +
                        static_cast<int64_t>(std::min(1.0, ratio) * pending);
    estimated_bytes_ = std::max(estimated_bytes_, now);
  }

  const std::shared_ptr<arrow::Schema> schema_;
  const int64_t memory_limit_bytes_;
  std::shared_ptr<SpoolSink> sink_;
  arrow::RecordBatchVector first_rows_;  // that are not yet judged, in chunks
  int64_t first_rows_count_ = 0;
  int64_t first_rows_bytes_ = 0;
  FileLayout layout_;
  std::unique_ptr<::parquet::ParquetFileWriter> file_;  // nothing until the first rows are judged
  ::parquet::RowGroupWriter* group_ = nullptr;          // of file_; nothing between two groups
  std::optional<::parquet::ArrowWriteContext> context_;
  RowChunks chunks_;
  Levels levels_;
  Pages closed_pages_;
  int64_t group_rows_ = 0;
  int64_t rows_ = 0;
  int64_t estimated_bytes_ = 0;
  bool closed_ = false;
  Status failed_;  // of the first failure: the file has a hole for good
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> ObjectWriter::Open(std::shared_ptr<arrow::Schema> schema,
                                                         std::unique_ptr<Spool> spool,
                                                         int64_t row_group_memory_bytes) {
  auto writer = std::make_unique<ObjectWriterImpl>(std::move(schema), std::move(spool),
                                                   row_group_memory_bytes);
  ARROW_RETURN_NOT_OK(writer->CheckSchema());
  return writer;
}

}  // namespace cdc::pq

// Why a file is written as it is (measured with 2 million rows of 17 columns on one core, and with
// pyarrow, DuckDB, polars, Spark, hyparquet and parquet-wasm as readers):
//
//   zstd level 2: 2 to 7 % smaller than level 1, which costs less than dictionaries that do not pay
//   cost before (dictionary_choice.cc); level 3 gains nothing more on keys, times and texts. V1 data
//   pages: V2 gains nothing here and old readers refuse it. Page checksums: cost 3 %; without them
//   most flipped bits read as wrong values.
//   Encodings: PLAIN, RLE and RLE_DICTIONARY. Some reader in use refuses each of the others: DuckDB
//   or polars BYTE_STREAM_SPLIT, polars or fastparquet DELTA_BYTE_ARRAY, Spark before 3.3 and Flink
//   DELTA_BINARY_PACKED.
//   Sorting columns: rows come in the order of the change table's clustered index.
//   Columns of long values ("long"): PLAIN, and no statistics. A dictionary or a smallest and
//   largest value would each keep copies of values of any size in memory; readers gain nothing,
//   since bounds of more than 4,096 bytes are not written. created_by: fixed, so that a file does
//   not change with a patch release of the library.

#include "parquet/writer_settings.h"

#include <arrow/memory_pool.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/schema.h>
#include <parquet/properties.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "parquet/catch.h"
#include "parquet/footer_record.h"
#include "parquet/geo_record.h"
#include "parquet/row_chunks.h"
#include "parquet/row_key_columns.h"

namespace cdc::pq {
namespace {

using arrow::Result;
using arrow::Status;
using ::parquet::WriterProperties;

constexpr char kEncodingKey[] = "cdc:encoding";  // as columns/column.h defines it
constexpr int kZstdLevel = 2;
// Values wait in memory, once for each column, until there are so many bytes of them.
constexpr int64_t kPageBytes = 192 * 1024;
constexpr int64_t kDictionaryBytesMax = 128 * 1024;
constexpr int64_t kDictionaryBytesMin = 16 * 1024;
constexpr int64_t kDictionaryBytesOfAllColumns = 8 << 20;

std::string EncodingOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return "";
  return field.metadata()->Get(kEncodingKey).ValueOr("");
}

Status CheckColumns(const arrow::Schema& schema) {
  std::set<std::string> names;
  for (const auto& field : schema.fields()) {
    if (!names.insert(field->name()).second) {
      return Status::Invalid("two columns are named ", field->name(),
                             ": no reader opens such a file");
    }
    if (!IsFlat(*field->type())) {
      return Status::Invalid("column ", field->name(), ": ", field->type()->ToString(),
                             " is not a type of these files");
    }
  }
  return Status::OK();
}

Status SetEncoding(const arrow::Field& field, bool dictionary, WriterProperties::Builder* builder) {
  const std::string encoding = EncodingOf(field);
  if (!encoding.empty() && encoding != "long") {
    return Status::Invalid("column ", field.name(), ": unknown encoding ", encoding);
  }
  if (encoding == "long") builder->disable_statistics(field.name());
  if (dictionary && encoding.empty()) {
    builder->enable_dictionary(field.name());
  } else {
    builder->disable_dictionary(field.name())->encoding(field.name(), ::parquet::Encoding::PLAIN);
  }
  return Status::OK();
}

// NULL command ids (rows from before a server upgrade) are first in SQL Server's order, so they are
// first here.
std::vector<::parquet::SortingColumn> SortingColumns(const arrow::Schema& schema) {
  std::vector<::parquet::SortingColumn> order;
  if (!BeginsWithRowKey(schema)) return order;
  for (int i = 0; i < kRowKeyColumns; ++i) {
    order.push_back({i, /*descending=*/false, /*nulls_first=*/true});
  }
  return order;
}

// Dictionaries of hundreds of columns share what is there.
int64_t DictionaryBytes(int columns) {
  return std::clamp(kDictionaryBytesOfAllColumns / std::max(columns, 1), kDictionaryBytesMin,
                    kDictionaryBytesMax);
}

Result<std::shared_ptr<WriterProperties>> Properties(const arrow::Schema& schema,
                                                     arrow::MemoryPool* pool,
                                                     const std::vector<bool>& dictionaries) {
  WriterProperties::Builder builder;
  builder.memory_pool(pool)
      ->compression(::arrow::Compression::ZSTD)
      ->compression_level(kZstdLevel)
      ->data_page_version(::parquet::ParquetDataPageVersion::V1)
      ->enable_page_checksum()
      ->dictionary_pagesize_limit(DictionaryBytes(schema.num_fields()))
      ->data_pagesize(kPageBytes)
      ->enable_write_page_index()
      ->enable_statistics()
      ->enable_store_decimal_as_integer()
      ->created_by("cdc-to-s3 version " + std::to_string(kFormatVersion))
      ->set_sorting_columns(SortingColumns(schema));
  for (int i = 0; i < schema.num_fields(); ++i) {
    const bool dictionary = !dictionaries.empty() && dictionaries[static_cast<size_t>(i)];
    ARROW_RETURN_NOT_OK(SetEncoding(*schema.field(i), dictionary, &builder));
  }
  return builder.build();
}

}  // namespace

PageMemory* WriterPool() {
  static PageMemory* const memory = new PageMemory;  // buffers may outlive every static object
  return memory;
}

Result<FileLayout> LayOut(const arrow::Schema& schema, arrow::MemoryPool* pool,
                          const std::vector<bool>& dictionaries) {
  FileLayout layout;
  ARROW_RETURN_NOT_OK(CheckColumns(schema));
  ARROW_ASSIGN_OR_RAISE(layout.geo_record, GeoRecordOf(schema));
  ARROW_RETURN_NOT_OK(CatchParquet([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(layout.properties, Properties(schema, pool, dictionaries));
    layout.arrow_properties = ::parquet::default_arrow_writer_properties();
    std::shared_ptr<::parquet::SchemaDescriptor> leaves;
    ARROW_RETURN_NOT_OK(::parquet::arrow::ToParquetSchema(&schema, *layout.properties,
                                                          *layout.arrow_properties, &leaves));
    layout.schema = std::static_pointer_cast<::parquet::schema::GroupNode>(leaves->schema_root());
    return Status::OK();
  }));
  return layout;
}

}  // namespace cdc::pq

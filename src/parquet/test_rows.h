#pragma once

#include <arrow/api.h>
#include <arrow/table_builder.h>
#include <arrow/util/decimal.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/logging.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/position.h"
#include "base/row_checksum.h"
#include "parquet/footer_record.h"

// Rows for tests: every value is a function of the row's number.
namespace cdc::pq::testing {

inline std::shared_ptr<arrow::Field> Field(std::string name, std::shared_ptr<arrow::DataType> type,
                                           bool nullable, std::string encoding = "") {
  const auto field = arrow::field(std::move(name), std::move(type), nullable);
  if (encoding.empty()) return field;
  return field->WithMetadata(arrow::key_value_metadata({"cdc:encoding"}, {std::move(encoding)}));
}

inline std::shared_ptr<arrow::Schema> TestSchema() {
  const auto micros = arrow::TimeUnit::MICRO;
  return arrow::schema({
      Field("__$start_lsn", arrow::utf8(), false),
      Field("__$command_id", arrow::int32(), true),
      Field("__$seqval", arrow::utf8(), false),
      Field("__$operation", arrow::int32(), false),
      Field("__$commit_time", arrow::timestamp(micros, "UTC"), true),
      Field("id", arrow::int32(), true),
      Field("name, with dots.", arrow::utf8(), true),
      Field("guid", arrow::utf8(), true),
      Field("amount", arrow::decimal128(9, 2), true),
      Field("price", arrow::decimal128(18, 4), true),
      Field("total", arrow::decimal128(38, 10), true),
      Field("modified", arrow::timestamp(micros), true),
      Field("day", arrow::date32(), true),
      Field("flag", arrow::boolean(), true),
      Field("small", arrow::int16(), true),
      Field("ratio", arrow::float64(), true),
      Field("photo", arrow::binary(), true),
  });
}

// Ten rows a transaction, three a command.
inline RowKey KeyOfRow(int64_t row) {
  RowKey key;
  const auto transaction = static_cast<uint32_t>(row / 10);
  for (int byte = 0; byte < 4; ++byte) {
    key.start_lsn.bytes[static_cast<size_t>(4 + byte)] =
        static_cast<uint8_t>(transaction >> (24 - 8 * byte));
  }
  key.start_lsn.bytes[0] = 1;
  key.command_id = static_cast<int32_t>(row % 10 / 3);
  key.seqval = key.start_lsn;
  key.seqval.bytes[9] = static_cast<uint8_t>(row % 10);
  key.operation = 2;
  return key;
}

inline std::string Pseudorandom(int64_t row, int64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  auto state = static_cast<uint64_t>(row) * 2654435761U + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// Builds the columns of rows [first, first + count); every 7th row has NULLs.
class TestBatch {
 public:
  explicit TestBatch(int64_t photo_bytes = 8) : photo_bytes_(photo_bytes) {}

  std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count) {
    const auto schema = TestSchema();
    auto builder =
        arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
    for (int64_t row = first; row < first + count; ++row) Append(builder.get(), row);
    return builder->Flush().ValueOrDie();
  }

 private:
  template <typename Builder, typename Value>
  static void Put(arrow::RecordBatchBuilder* batch, int column, const Value& value) {
    ARROW_CHECK_OK(batch->GetFieldAs<Builder>(column)->Append(value));
  }

  void Append(arrow::RecordBatchBuilder* batch, int64_t row) const {
    const RowKey key = KeyOfRow(row);
    Put<arrow::StringBuilder>(batch, 0, key.start_lsn.ToString());
    Put<arrow::Int32Builder>(batch, 1, *key.command_id);
    Put<arrow::StringBuilder>(batch, 2, key.seqval.ToString());
    Put<arrow::Int32Builder>(batch, 3, key.operation);
    Put<arrow::TimestampBuilder>(batch, 4, 1'700'000'000'000'000 + row / 10 * 3333);
    Put<arrow::Int32Builder>(batch, 5, static_cast<int32_t>(row));
    if (row % 7 == 0) {
      for (int column = 6; column < 17; ++column) {
        ARROW_CHECK_OK(batch->GetField(column)->AppendNull());
      }
      return;
    }
    Put<arrow::StringBuilder>(batch, 6, "name " + std::to_string(row % 1000));
    Put<arrow::StringBuilder>(batch, 7, "guid-" + std::to_string(row * 7919));
    Put<arrow::Decimal128Builder>(batch, 8, arrow::Decimal128(row % 100'000'000));
    Put<arrow::Decimal128Builder>(batch, 9, arrow::Decimal128(-row * 1000));
    Put<arrow::Decimal128Builder>(batch, 10, arrow::Decimal128(row, 12345));
    Put<arrow::TimestampBuilder>(batch, 11, -62'135'596'800'000'000 + row);
    Put<arrow::Date32Builder>(batch, 12, static_cast<int32_t>(row % 40'000));
    Put<arrow::BooleanBuilder>(batch, 13, row % 2 == 0);
    Put<arrow::Int16Builder>(batch, 14, static_cast<int16_t>(row % 300));
    Put<arrow::DoubleBuilder>(batch, 15, static_cast<double>(row) / 3);
    Put<arrow::BinaryBuilder>(batch, 16, Pseudorandom(row, photo_bytes_));
  }

  const int64_t photo_bytes_;
};

// The record of an object that holds rows [0, rows).
inline FooterRecord RecordOfRows(int64_t rows) {
  FooterRecord record;
  record.database = "AdventureWorks";
  record.schema = "Person";
  record.table = "Person";
  record.capture_instance = "Person_Person";
  record.history_id = "6f1c0f6e";
  record.sequence = 3;
  record.rows = rows;
  RowChecksum sum;
  for (int64_t row = 0; row < rows; ++row) sum.Add(KeyOfRow(row));
  record.checksum = sum.ToString();
  record.to = rows > 0 ? Position::AfterRow(KeyOfRow(rows - 1)) : Position();
  record.program_version = "test";
  return record;
}

}  // namespace cdc::pq::testing

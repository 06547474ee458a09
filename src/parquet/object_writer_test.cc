#include "parquet/object_writer.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "parquet/object_reader.h"
#include "parquet/test_rows.h"
#include "parquet/writer_settings.h"

namespace cdc::pq {
namespace {

using ::testing::AllOf;
using testing::Field;
using ::testing::HasSubstr;
using testing::KeyOfRow;
using testing::RecordOfRows;
using testing::TestBatch;
using testing::TestSchema;

constexpr int64_t kMemoryLimit = 8 << 20;

std::unique_ptr<Spool> NewSpool() { return Spool::Create("/tmp", kMemoryLimit); }

std::unique_ptr<ObjectWriter> NewWriter() {
  return ObjectWriter::Open(TestSchema(), NewSpool()).ValueOrDie();
}

// Rows [0, rows) in batches of `rows_per_batch`.
std::unique_ptr<Spool> WriteRows(int64_t rows, int64_t rows_per_batch, int64_t photo_bytes = 8) {
  auto writer = NewWriter();
  TestBatch batches(photo_bytes);
  for (int64_t at = 0; at < rows; at += rows_per_batch) {
    ARROW_CHECK_OK(writer->Write(*batches.Rows(at, std::min(rows_per_batch, rows - at))));
  }
  return writer->Close(RecordOfRows(rows)).ValueOrDie();
}

std::string BytesOf(const Spool& spool) {
  std::string bytes(static_cast<size_t>(spool.size_bytes()), '\0');
  ARROW_CHECK_EQ(spool.ReadAt(0, bytes.data(), spool.size_bytes()).ValueOrDie(),
                 spool.size_bytes());
  return bytes;
}

std::shared_ptr<arrow::Table> ReadTable(const Spool& spool) {
  auto reader =
      ::parquet::arrow::OpenFile(OpenSpool(spool), arrow::default_memory_pool()).ValueOrDie();
  return reader->ReadTable().ValueOrDie();
}

std::unique_ptr<::parquet::ParquetFileReader> OpenRaw(const Spool& spool) {
  return ::parquet::ParquetFileReader::Open(OpenSpool(spool));
}

TEST(ObjectWriter, what_was_written_reads_back_equal) {
  const auto spool = WriteRows(5000, 700);
  const auto expected =
      arrow::Table::FromRecordBatches(TestSchema(), {TestBatch().Rows(0, 5000)}).ValueOrDie();
  const auto read = ReadTable(*spool);
  ASSERT_EQ(read->num_rows(), 5000);
  for (int i = 0; i < expected->num_columns(); ++i) {
    EXPECT_TRUE(read->column(i)->Equals(*expected->column(i))) << expected->field(i)->name();
    EXPECT_TRUE(read->field(i)->type()->Equals(expected->field(i)->type()))
        << read->field(i)->ToString();
  }
}

TEST(ObjectWriter, the_schema_has_the_types_of_the_source_and_no_field_ids) {
  const auto spool = WriteRows(10, 10);
  const auto file = OpenRaw(*spool);
  const auto& schema = *file->metadata()->schema();
  const auto describe = [&](int i) {
    const auto& node = *schema.Column(i)->schema_node();
    return ::parquet::TypeToString(schema.Column(i)->physical_type()) + " " +
           node.logical_type()->ToString() + " " + std::to_string(node.field_id());
  };
  EXPECT_EQ(describe(0), "BYTE_ARRAY String -1");
  EXPECT_TRUE(schema.Column(0)->schema_node()->is_required());
  EXPECT_TRUE(schema.Column(5)->schema_node()->is_optional());
  EXPECT_THAT(describe(4), AllOf(HasSubstr("isAdjustedToUTC=true"), HasSubstr("microseconds")));
  EXPECT_THAT(describe(11), AllOf(HasSubstr("isAdjustedToUTC=false"), HasSubstr("microseconds")));
  EXPECT_EQ(describe(6), "BYTE_ARRAY String -1");
  EXPECT_EQ(describe(8), "INT32 Decimal(precision=9, scale=2) -1");
  EXPECT_EQ(describe(9), "INT64 Decimal(precision=18, scale=4) -1");
  EXPECT_EQ(describe(10), "FIXED_LEN_BYTE_ARRAY Decimal(precision=38, scale=10) -1");
  EXPECT_EQ(describe(12), "INT32 Date -1");
  EXPECT_EQ(describe(14), "INT32 Int(bitWidth=16, isSigned=true) -1");
  EXPECT_EQ(describe(16), "BYTE_ARRAY None -1");
}

TEST(ObjectWriter, nothing_but_our_record_is_in_the_footer) {
  const auto spool = WriteRows(10, 10);
  const auto footer = OpenRaw(*spool)->metadata();
  EXPECT_EQ(footer->created_by(), "cdc-to-s3 version 2");
  std::map<std::string, std::string> values;
  for (int64_t i = 0; i < footer->key_value_metadata()->size(); ++i) {
    values[footer->key_value_metadata()->key(i)] = footer->key_value_metadata()->value(i);
  }
  EXPECT_EQ(values, RecordOfRows(10).ToKeyValues());
}

TEST(ObjectWriter, a_column_has_a_dictionary_where_its_first_rows_show_that_it_pays) {
  const auto spool = WriteRows(5000, 1024);
  const auto file = OpenRaw(*spool);
  const auto group = file->metadata()->RowGroup(0);
  const auto has = [&](int column, ::parquet::Encoding::type encoding) {
    const auto chunk = group->ColumnChunk(column);
    return std::ranges::find(chunk->encodings(), encoding) != chunk->encodings().end();
  };
  for (int i = 0; i < TestSchema()->num_fields(); ++i) {
    EXPECT_EQ(group->ColumnChunk(i)->compression(), ::parquet::Compression::ZSTD);
  }
  for (int plain : {2, 5, 7, 8, 9, 10, 11, 12, 15, 16}) {
    EXPECT_TRUE(has(plain, ::parquet::Encoding::PLAIN)) << plain;
    EXPECT_FALSE(group->ColumnChunk(plain)->has_dictionary_page()) << plain;
  }
  for (int dictionary : {0, 1, 3, 4, 6, 14}) {
    EXPECT_TRUE(group->ColumnChunk(dictionary)->has_dictionary_page()) << dictionary;
  }
}

TEST(ObjectWriter, statistics_and_sorting_columns_let_a_reader_skip_by_lsn) {
  const auto spool = WriteRows(5000, 1024);
  const auto file = OpenRaw(*spool);
  const auto group = file->metadata()->RowGroup(0);
  const auto statistics = group->ColumnChunk(0)->statistics();
  ASSERT_TRUE(statistics->HasMinMax());
  EXPECT_EQ(statistics->EncodeMin(), KeyOfRow(0).start_lsn.ToString());
  EXPECT_EQ(statistics->EncodeMax(), KeyOfRow(4999).start_lsn.ToString());
  EXPECT_EQ(group->ColumnChunk(6)->statistics()->null_count(), 5000 / 7 + 1);
  // start_lsn, command_id, seqval, operation: the order of the clustered index.
  const std::vector<::parquet::SortingColumn> order = {
      {0, false, true}, {1, false, true}, {2, false, true}, {3, false, true}};
  EXPECT_EQ(group->sorting_columns(), order);
  const auto index = file->GetPageIndexReader()->RowGroup(0);
  EXPECT_NE(index->GetColumnIndex(0), nullptr);
  EXPECT_NE(index->GetOffsetIndex(0), nullptr);
}

TEST(ObjectWriter, the_same_rows_are_the_same_bytes_however_they_came) {
  const auto once = WriteRows(20'000, 20'000);
  EXPECT_EQ(BytesOf(*WriteRows(20'000, 1024)), BytesOf(*once));
  EXPECT_EQ(BytesOf(*WriteRows(20'000, 333)), BytesOf(*once));
  const auto groups = WriteRows(150'000, 50'000);
  EXPECT_EQ(BytesOf(*WriteRows(150'000, 999)), BytesOf(*groups)) << "over two row groups";
  const auto wide = WriteRows(600, 600, 20'000);
  EXPECT_EQ(BytesOf(*WriteRows(600, 7, 20'000)), BytesOf(*wide));
}

TEST(ObjectWriter, an_object_without_rows_is_a_file_too) {
  const auto spool = WriteRows(0, 1);
  EXPECT_EQ(ReadTable(*spool)->num_rows(), 0);
  EXPECT_EQ(VerifyObject(OpenSpool(*spool)).ValueOrDie(), RecordOfRows(0));
}

// Keeps what was written, so that the test can look at what an abandoned writer left.
class WatchedSpool : public Spool {
 public:
  WatchedSpool(std::string* seen, int64_t room_bytes) : seen_(seen), room_bytes_(room_bytes) {}
  arrow::Status Write(std::string_view bytes) override {
    if (std::ssize(*seen_) + std::ssize(bytes) > room_bytes_) {
      return arrow::Status::IOError("no room in /watched");
    }
    seen_->append(bytes);
    return arrow::Status::OK();
  }
  arrow::Status Seal() override { return arrow::Status::OK(); }
  int64_t size_bytes() const override { return std::ssize(*seen_); }
  int64_t memory_bytes() const override { return std::ssize(*seen_); }
  const Sha256& sha256() const override { return sha256_; }
  arrow::Result<int64_t> ReadAt(int64_t, char*, int64_t) const override { return 0; }

 private:
  std::string* seen_;
  int64_t room_bytes_;
  Sha256 sha256_{};
};

void ExpectNoFile(const std::string& bytes) {
  const auto left = Spool::FromBytes(bytes);
  EXPECT_FALSE(ReadFooter(OpenSpool(*left)).ok());
  EXPECT_THROW(OpenRaw(*left), ::parquet::ParquetException);
}

TEST(ObjectWriter, a_writer_that_is_destroyed_early_leaves_nothing_valid) {
  for (int64_t rows : {0, 10, 200'000}) {
    std::string seen;
    {
      auto writer = ObjectWriter::Open(TestSchema(), std::make_unique<WatchedSpool>(&seen, 1 << 30))
                        .ValueOrDie();
      for (int64_t at = 0; at < rows; at += 1000) {
        ASSERT_TRUE(writer->Write(*TestBatch().Rows(at, std::min<int64_t>(rows, 1000))).ok());
      }
    }
    EXPECT_EQ(seen.size() > 100'000, rows == 200'000) << "a row group was written";
    ExpectNoFile(seen);
  }
}

TEST(ObjectWriter, a_full_disk_is_an_error_that_stays_and_leaves_nothing_valid) {
  std::string seen;
  auto writer = ObjectWriter::Open(TestSchema(), std::make_unique<WatchedSpool>(&seen, 1'000'000))
                    .ValueOrDie();
  arrow::Status status;
  int64_t rows = 0;
  for (; rows < 500'000 && status.ok(); rows += 10'000) {
    status = writer->Write(*TestBatch().Rows(rows, 10'000));
  }
  ASSERT_TRUE(status.IsIOError()) << status;
  EXPECT_THAT(status.message(), HasSubstr("no room in /watched"));
  EXPECT_EQ(writer->Write(*TestBatch().Rows(rows, 1)), status);
  EXPECT_EQ(writer->Close(RecordOfRows(writer->rows())).status(), status);
  writer.reset();
  ExpectNoFile(seen);
}

TEST(ObjectWriter, a_disk_that_is_full_at_the_footer_fails_the_close) {
  const std::string whole = BytesOf(*WriteRows(10, 10));
  std::string seen;
  auto writer =
      ObjectWriter::Open(TestSchema(), std::make_unique<WatchedSpool>(&seen, std::ssize(whole) - 8))
          .ValueOrDie();
  ASSERT_TRUE(writer->Write(*TestBatch().Rows(0, 10)).ok());
  EXPECT_TRUE(writer->Close(RecordOfRows(10)).status().IsIOError());
  writer.reset();
  ExpectNoFile(seen);
}

TEST(ObjectWriter, the_estimate_only_grows_and_is_close_at_the_end) {
  auto writer = NewWriter();
  TestBatch batches(100);
  int64_t before = 0;
  for (int64_t at = 0; at < 300'000; at += 1024) {
    ASSERT_TRUE(writer->Write(*batches.Rows(at, std::min<int64_t>(1024, 300'000 - at))).ok());
    EXPECT_GE(writer->estimated_bytes(), before);
    before = writer->estimated_bytes();
  }
  const auto spool = writer->Close(RecordOfRows(300'000)).ValueOrDie();
  EXPECT_NEAR(static_cast<double>(before), static_cast<double>(spool->size_bytes()),
              0.05 * static_cast<double>(spool->size_bytes()));
}

TEST(ObjectWriter, a_schema_that_no_reader_opens_is_refused) {
  const auto open = [](arrow::FieldVector fields) {
    return ObjectWriter::Open(arrow::schema(std::move(fields)), NewSpool()).status();
  };
  EXPECT_THAT(open({Field("a", arrow::int32(), true), Field("a", arrow::utf8(), true)}).message(),
              HasSubstr("two columns are named a"));
  EXPECT_THAT(open({Field("t", arrow::utf8(), true, "zigzag")}).message(),
              HasSubstr("unknown encoding zigzag"));
  EXPECT_THAT(open({Field("l", arrow::list(arrow::int32()), true)}).message(),
              HasSubstr("column l"));
}

TEST(ObjectWriter, a_batch_that_does_not_fit_the_schema_is_refused) {
  const auto schema = arrow::schema({Field("a", arrow::int32(), false)});
  auto writer = ObjectWriter::Open(schema, NewSpool()).ValueOrDie();
  arrow::Int32Builder with_null;
  ARROW_CHECK_OK(with_null.AppendNull());
  const auto nulls = with_null.Finish().ValueOrDie();
  EXPECT_THAT(writer->Write(*arrow::RecordBatch::Make(schema, 1, {nulls})).message(),
              HasSubstr("column a has a NULL"));
  EXPECT_TRUE(writer->Write(*TestBatch().Rows(0, 1)).IsInvalid());
}

// What of the writers' memory is really there beyond a starting point, sampled after every write.
class PoolPeak {
 public:
  void Sample() { peak_ = std::max(peak_, pool_->resident_bytes() - start_); }
  int64_t peak_bytes() const { return peak_; }

 private:
  PageMemory* pool_ = WriterPool();
  int64_t start_ = pool_->resident_bytes();
  int64_t peak_ = 0;
};

TEST(ObjectWriter, a_million_rows_need_the_memory_of_one_row_group) {
  PoolPeak peak;
  auto writer = NewWriter();
  TestBatch batches;
  constexpr int64_t kRows = 1'000'000;
  for (int64_t at = 0; at < kRows; at += 1024) {
    ASSERT_TRUE(writer->Write(*batches.Rows(at, std::min<int64_t>(1024, kRows - at))).ok());
    peak.Sample();
  }
  const auto spool = writer->Close(RecordOfRows(kRows)).ValueOrDie();
  EXPECT_LT(peak.peak_bytes(), 16 << 20);
  EXPECT_LE(spool->memory_bytes(), kMemoryLimit);
  EXPECT_EQ(ReadFooter(OpenSpool(*spool)).ValueOrDie().rows, kRows);
}

TEST(ObjectWriter, rows_below_256_bytes_make_groups_of_64_ki_rows_and_with_many_workers_of_16_ki) {
  const std::pair<int64_t, int64_t> limits[] = {{10 << 20, 64 * 1024}, {4 << 20, 16 * 1024}};
  for (const auto& [memory_bytes, rows_min] : limits) {
    PoolPeak peak;
    auto writer = ObjectWriter::Open(TestSchema(), NewSpool(), memory_bytes).ValueOrDie();
    TestBatch batches(64);
    for (int64_t at = 0; at < 150'000; at += 1000) {
      ASSERT_TRUE(writer->Write(*batches.Rows(at, 1000)).ok());
      peak.Sample();
    }
    EXPECT_LT(peak.peak_bytes(), memory_bytes + (4 << 20));
    const auto spool = writer->Close(RecordOfRows(150'000)).ValueOrDie();
    EXPECT_GE(OpenRaw(*spool)->metadata()->RowGroup(0)->num_rows(), rows_min);
  }
}

TEST(ObjectWriter, a_table_of_300_columns_needs_memory_by_its_columns) {
  arrow::FieldVector fields;
  for (int i = 0; i < 300; ++i) fields.push_back(Field(std::to_string(i), arrow::utf8(), true));
  const auto schema = arrow::schema(fields);
  PoolPeak peak;
  auto writer = ObjectWriter::Open(schema, NewSpool()).ValueOrDie();
  for (int64_t at = 0; at < 20'000; at += 1000) {
    arrow::StringBuilder builder;
    for (int64_t row = at; row < at + 1000; ++row) {
      ARROW_CHECK_OK(builder.Append(testing::Pseudorandom(row, 10)));
    }
    const auto values = builder.Finish().ValueOrDie();
    const arrow::ArrayVector columns(300, values);
    ASSERT_TRUE(writer->Write(*arrow::RecordBatch::Make(schema, 1000, columns)).ok());
    peak.Sample();
  }
  EXPECT_LT(peak.peak_bytes(), 300 * 128 * 1024);
  FooterRecord record;
  record.rows = 20'000;
  const auto spool = writer->Close(record).ValueOrDie();
  EXPECT_LT(OpenRaw(*spool)->metadata()->num_row_groups(), 12);
}

TEST(ObjectWriter, wide_rows_end_a_row_group_by_their_bytes) {
  PoolPeak peak;
  auto writer = NewWriter();
  TestBatch batches(1'000'000);
  for (int64_t at = 0; at < 200; at += 10) {
    ASSERT_TRUE(writer->Write(*batches.Rows(at, 10)).ok());
    peak.Sample();
  }
  const auto spool = writer->Close(RecordOfRows(200)).ValueOrDie();
  EXPECT_GT(spool->size_bytes(), 150 << 20);
  EXPECT_LT(peak.peak_bytes(), 24 << 20);
  EXPECT_GT(OpenRaw(*spool)->metadata()->num_row_groups(), 10);
  EXPECT_EQ(VerifyObject(OpenSpool(*spool)).ValueOrDie(), RecordOfRows(200));
}

// Every so many rows the columns hold a value of `bytes`, else a short one.
std::shared_ptr<arrow::RecordBatch> SometimesLong(const std::shared_ptr<arrow::Schema>& schema,
                                                  int64_t rows, int64_t every, int64_t bytes) {
  arrow::StringBuilder builder;
  for (int64_t row = 0; row < rows; ++row) {
    const bool is_long = row % every == every - 1;
    const std::string text = testing::Pseudorandom(row, is_long ? 1'000'000 : 10);
    std::string value;
    while (is_long && std::ssize(value) < bytes) value += text;
    ARROW_CHECK_OK(builder.Append(is_long ? value : text));
  }
  const auto values = builder.Finish().ValueOrDie();
  return arrow::RecordBatch::Make(schema, rows, arrow::ArrayVector(3, values));
}

TEST(ObjectWriter, long_values_are_written_column_by_column_in_row_groups_of_their_own) {
  const auto schema =
      arrow::schema({Field("a", arrow::utf8(), true, "long"),
                     Field("b", arrow::utf8(), true, "long"), Field("c", arrow::utf8(), true)});
  constexpr int64_t kBytes = 8'000'000;
  const auto rows = SometimesLong(schema, 300, 100, kBytes);
  FooterRecord record;
  record.rows = 300;
  const auto write = [&](int64_t batch_rows) {
    PoolPeak peak;
    auto writer = ObjectWriter::Open(schema, NewSpool()).ValueOrDie();
    for (int64_t at = 0; at < 300; at += batch_rows) {
      ARROW_CHECK_OK(writer->Write(*rows->Slice(at, batch_rows)));
      peak.Sample();
    }
    EXPECT_LT(peak.peak_bytes(), 1 << 20) << "nothing of a long value is kept";
    return writer->Close(record).ValueOrDie();
  };
  const auto spool = write(300);
  EXPECT_TRUE(ReadTable(*spool)->Equals(*arrow::Table::FromRecordBatches({rows}).ValueOrDie()));
  EXPECT_EQ(BytesOf(*write(50)), BytesOf(*spool)) << "the borders depend on the rows alone";
  const auto metadata = OpenRaw(*spool)->metadata();
  std::vector<int64_t> sizes;
  for (int i = 0; i < metadata->num_row_groups(); ++i) {
    sizes.push_back(metadata->RowGroup(i)->num_rows());
  }
  EXPECT_EQ(sizes, (std::vector<int64_t>{99, 1, 99, 1, 99, 1}));
  const auto small = metadata->RowGroup(0);
  for (const int column : {0, 1}) {
    EXPECT_FALSE(small->ColumnChunk(column)->has_dictionary_page());
    EXPECT_FALSE(small->ColumnChunk(column)->is_stats_set());
  }
  EXPECT_TRUE(small->ColumnChunk(2)->is_stats_set());
}

}  // namespace
}  // namespace cdc::pq

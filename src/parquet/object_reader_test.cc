#include "parquet/object_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "parquet/object_writer.h"
#include "parquet/row_key_columns.h"
#include "parquet/test_rows.h"

namespace cdc::pq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::KeyOfRow;
using testing::RecordOfRows;
using testing::TestBatch;

std::string Object(int64_t rows, const FooterRecord& record) {
  auto writer =
      ObjectWriter::Open(testing::TestSchema(), Spool::Create("/tmp", 1 << 30)).ValueOrDie();
  ARROW_CHECK_OK(writer->Write(*TestBatch().Rows(0, rows)));
  const auto spool = writer->Close(record).ValueOrDie();
  std::string bytes(static_cast<size_t>(spool->size_bytes()), '\0');
  ARROW_CHECK_OK(spool->ReadAt(0, bytes.data(), spool->size_bytes()).status());
  return bytes;
}

arrow::Result<FooterRecord> Verify(const std::string& bytes) {
  const auto spool = Spool::FromBytes(bytes);
  return VerifyObject(OpenSpool(*spool));
}

TEST(ReadFooter, gives_the_record_back_from_a_spool_and_from_a_file) {
  const std::string bytes = Object(100, RecordOfRows(100));
  const auto spool = Spool::FromBytes(bytes);
  EXPECT_EQ(ReadFooter(OpenSpool(*spool)).ValueOrDie(), RecordOfRows(100));
  std::string path = (std::filesystem::temp_directory_path() / "object-XXXXXX").string();
  close(mkstemp(path.data()));
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(ReadFooter(OpenLocal(path).ValueOrDie()).ValueOrDie(), RecordOfRows(100));
  std::filesystem::remove(path);
  EXPECT_THAT(OpenLocal(path).status().message(), HasSubstr(path));
}

TEST(ReadFooter, refuses_what_is_cut_or_no_parquet_file) {
  const std::string bytes = Object(100, RecordOfRows(100));
  for (size_t size : {size_t{0}, size_t{3}, size_t{11}, bytes.size() / 2, bytes.size() - 1}) {
    const auto cut = Spool::FromBytes(bytes.substr(0, size));
    EXPECT_FALSE(ReadFooter(OpenSpool(*cut)).ok()) << size;
  }
}

TEST(ReadSchema, has_the_names_in_order) {
  const auto spool = Spool::FromBytes(Object(1, RecordOfRows(1)));
  EXPECT_EQ(ReadSchema(OpenSpool(*spool)).ValueOrDie()->field_names(),
            testing::TestSchema()->field_names());
}

TEST(VerifyObject, proves_count_order_range_and_checksum_from_the_rows) {
  EXPECT_EQ(Verify(Object(3000, RecordOfRows(3000))).ValueOrDie(), RecordOfRows(3000));

  FooterRecord wrong = RecordOfRows(3000);
  wrong.checksum = RecordOfRows(2999).checksum;
  EXPECT_THAT(Verify(Object(3000, wrong)).status().message(), HasSubstr("checksum"));

  wrong = RecordOfRows(3000);
  wrong.from = Position::AfterRow(KeyOfRow(0));
  EXPECT_THAT(Verify(Object(3000, wrong)).status().message(),
              AllOf(HasSubstr("row 0 "), HasSubstr("not after the object's from")));

  wrong = RecordOfRows(3000);
  wrong.to = Position::AfterRow(KeyOfRow(2998));
  EXPECT_THAT(Verify(Object(3000, wrong)).status().message(),
              AllOf(HasSubstr("row 2999 "), HasSubstr("after the object's to")));
}

// The same rows with LSNs as bytes, and other names.
template <typename Builder>
std::shared_ptr<arrow::RecordBatch> WithLsnBytes(const arrow::RecordBatch& batch, Builder builder) {
  auto renamed = batch.columns();
  arrow::FieldVector fields = batch.schema()->fields();
  for (const int i : {0, 2}) {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const RowKey key = KeyOfRow(row);
      const auto& bytes = (i == 0 ? key.start_lsn : key.seqval).bytes;
      ARROW_CHECK_OK(
          builder.Append(std::string_view(reinterpret_cast<const char*>(bytes.data()), 10)));
    }
    renamed[static_cast<size_t>(i)] = builder.Finish().ValueOrDie();
    fields[static_cast<size_t>(i)] =
        testing::Field("cdc_" + std::to_string(i), builder.type(), false);
  }
  for (const size_t i : {1, 3}) fields[i] = fields[i]->WithName("cdc_" + std::to_string(i));
  return arrow::RecordBatch::Make(arrow::schema(fields), batch.num_rows(), renamed);
}

void ExpectVerified(const arrow::RecordBatch& rows, const FooterRecord& record) {
  auto writer = ObjectWriter::Open(rows.schema(), Spool::Create("/tmp", 1 << 30)).ValueOrDie();
  ARROW_CHECK_OK(writer->Write(rows));
  const auto spool = writer->Close(record).ValueOrDie();
  EXPECT_EQ(VerifyObject(OpenSpool(*spool)).ValueOrDie(), record);
  const auto footer = ::parquet::ParquetFileReader::Open(OpenSpool(*spool))->metadata();
  const std::vector<::parquet::SortingColumn> order = {
      {0, false, true}, {1, false, true}, {2, false, true}, {3, false, true}};
  EXPECT_EQ(footer->RowGroup(0)->sorting_columns(), order);
}

TEST(VerifyObject, finds_the_key_by_its_place_whatever_its_columns_are_called) {
  const auto rows = TestBatch().Rows(0, 300);
  ExpectVerified(*WithLsnBytes(*rows, arrow::BinaryBuilder()), RecordOfRows(300));
}

TEST(VerifyObject, proves_an_object_with_the_lsns_of_version_1) {
  const auto rows = TestBatch().Rows(0, 300);
  FooterRecord record = RecordOfRows(300);
  record.format_version = 1;
  ExpectVerified(*WithLsnBytes(*rows, arrow::FixedSizeBinaryBuilder(arrow::fixed_size_binary(10))),
                 record);
}

TEST(VerifyObject, proves_objects_that_a_program_of_version_1_wrote) {
  for (const char* name : {"Orders", "Orders_lsn_hex"}) {
    const std::string path = std::string(CDC_TEST_DATA) + "/format_1/" + name + ".parquet";
    const auto record = VerifyObject(OpenLocal(path).ValueOrDie());
    ASSERT_TRUE(record.ok()) << path << ": " << record.status();
    EXPECT_EQ(record->format_version, 1);
    EXPECT_EQ(record->table, "Orders");
    EXPECT_EQ(record->rows, 6);
    EXPECT_EQ(record->columns[2], (FooterColumn{"price", "decimal(38,10)", 3, 3, false}));
    const auto schema = ReadSchema(OpenLocal(path).ValueOrDie()).ValueOrDie();
    EXPECT_TRUE(BeginsWithRowKey(*schema));
    EXPECT_EQ(schema->GetFieldByName("price")->type()->ToString(), "decimal128(38, 10)");
  }
}

TEST(VerifyObject, refuses_a_file_that_does_not_begin_with_a_row_key) {
  const auto whole = TestBatch().Rows(0, 3);
  const auto read = [&](std::vector<int> columns) {
    const auto rows = whole->SelectColumns(columns).ValueOrDie();
    auto writer = ObjectWriter::Open(rows->schema(), Spool::Create("/tmp", 1 << 30)).ValueOrDie();
    ARROW_CHECK_OK(writer->Write(*rows));
    const auto spool = writer->Close(RecordOfRows(3)).ValueOrDie();
    return VerifyObject(OpenSpool(*spool)).status().message();
  };
  EXPECT_THAT(read({0, 1, 2}), HasSubstr("no row key"));
  EXPECT_THAT(read({0, 2, 1, 3}), HasSubstr("column 2, __$seqval, is no column of 32-bit"));
  EXPECT_THAT(read({5, 1, 2, 3}), HasSubstr("column 1, id, is no column of LSNs"));
  EXPECT_THAT(read({0, 1, 6, 3}), HasSubstr("column 3, name, with dots., is no column of LSNs"));
}

TEST(VerifyObject, finds_rows_out_of_order) {
  auto writer =
      ObjectWriter::Open(testing::TestSchema(), Spool::Create("/tmp", 1 << 30)).ValueOrDie();
  ARROW_CHECK_OK(writer->Write(*TestBatch().Rows(50, 50)));
  ARROW_CHECK_OK(writer->Write(*TestBatch().Rows(0, 50)));
  const auto spool = writer->Close(RecordOfRows(100)).ValueOrDie();
  EXPECT_THAT(VerifyObject(OpenSpool(*spool)).status().message(),
              AllOf(HasSubstr("row 50 "), HasSubstr("not after the row before")));
}

TEST(VerifyObject, finds_a_flipped_bit_in_any_page) {
  const std::string whole = Object(3000, RecordOfRows(3000));
  // Pages lie between the leading magic and the first column's index; the indexes and the footer
  // have no checksum in Parquet (the hash of the whole object covers them).
  const size_t pages_end = whole.size() / 2;
  for (size_t at = 4; at < pages_end; at += 997) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_FALSE(Verify(damaged).ok()) << "a flipped bit in byte " << at;
  }
}

}  // namespace
}  // namespace cdc::pq

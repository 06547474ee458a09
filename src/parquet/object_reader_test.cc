#include "parquet/object_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "parquet/object_writer.h"
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

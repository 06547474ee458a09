#include <arrow/api.h>
#include <arrow/extension/uuid.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "columns/column.h"
#include "columns/testing/cells.h"

// What each option makes of its types.

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;

SourceColumn With(SourceColumn column, const std::string& option, const std::string& word) {
  column.options.Set(option, word);
  return column;
}

std::string TextOf(const SourceColumn& column, const std::string& cell) {
  const auto array = DecodeOne<arrow::StringArray>(column, Cells(64).Add(cell).Null());
  EXPECT_TRUE(array->type()->Equals(arrow::utf8()));
  EXPECT_TRUE(array->IsNull(1));
  return array->GetString(0);
}

TEST(OptionsTest, datetime2_in_nanoseconds_keeps_every_digit) {
  const SourceColumn column = With(Column("datetime2", 8, 27, 7), "datetime2", "nanos");
  const struct {
    std::string cell;
    int64_t nanos;
  } cases[] = {
      {Timestamp(1970, 1, 1, 0, 0, 0, 100), 100},
      {Timestamp(1969, 12, 31, 23, 59, 59, 999999900), -100},
      {Timestamp(2024, 2, 29, 18, 44, 15, 123456700), 1709232255123456700},
      {Timestamp(1677, 9, 21, 0, 12, 43, 145224200), INT64_MIN + 8},
      {Timestamp(2262, 4, 11, 23, 47, 16, 854775800), INT64_MAX - 7},
  };
  for (const auto& one : cases) {
    auto decoder = Decoder(column);
    const auto arrays = Decode(decoder.get(), Cells(16).Add(one.cell).Null()).ValueOrDie();
    const auto& array = static_cast<const arrow::TimestampArray&>(*arrays[0]);
    EXPECT_TRUE(array.type()->Equals(arrow::timestamp(arrow::TimeUnit::NANO)));
    EXPECT_EQ(array.Value(0), one.nanos);
    EXPECT_TRUE(array.IsNull(1));
    EXPECT_EQ(decoder->altered_values(), 0);
  }
}

TEST(OptionsTest, what_nanoseconds_cannot_hold_is_an_error_that_names_what_helps) {
  const SourceColumn column = With(Column("datetime2", 8, 27, 7), "datetime2", "nanos");
  for (const std::string& cell :
       {Timestamp(1677, 9, 21, 0, 12, 43, 145224100), Timestamp(2262, 4, 11, 23, 47, 16, 854775900),
        Timestamp(1, 1, 1, 0, 0, 0, 0), Timestamp(9999, 12, 31, 23, 59, 59, 999999900)}) {
    ExpectRefused(column, cell, "set datetime2 = \"string\"");
  }
  ExpectRefused(column, Timestamp(2023, 2, 29, 0, 0, 0, 0), "impossible date");
}

TEST(OptionsTest, datetime2_as_text_has_exactly_the_digits_of_its_scale) {
  const char* expected[] = {
      "0001-02-03 04:05:06",        "0001-02-03 04:05:06.0",       "0001-02-03 04:05:06.05",
      "0001-02-03 04:05:06.050",    "0001-02-03 04:05:06.0500",    "0001-02-03 04:05:06.05000",
      "0001-02-03 04:05:06.050000", "0001-02-03 04:05:06.0500000",
  };
  for (int scale = 0; scale <= 7; ++scale) {
    const SourceColumn column = With(Column("datetime2", 8, 27, scale), "datetime2", "string");
    EXPECT_EQ(TextOf(column, Timestamp(1, 2, 3, 4, 5, 6, scale < 2 ? 0 : 50'000'000)),
              expected[scale]);
    ExpectRefused(column, Timestamp(2023, 2, 29, 0, 0, 0, 0), "impossible date");
  }
  const SourceColumn finest = With(Column("datetime2", 8, 27, 7), "datetime2", "string");
  EXPECT_EQ(TextOf(finest, Timestamp(9999, 12, 31, 23, 59, 59, 999999900)),
            "9999-12-31 23:59:59.9999999");
}

TEST(OptionsTest, timestamps_in_milliseconds_count_what_they_cut) {
  const struct {
    SourceColumn column;
    std::string cell;
    int64_t millis;
    int64_t altered;
  } cases[] = {
      {Column("datetime"), Timestamp(1970, 1, 1, 0, 0, 0, 997000000), 997, 0},
      {Column("smalldatetime"), Timestamp(1970, 1, 1, 0, 1, 0, 0), 60000, 0},
      {Column("datetime2", 8, 27, 7), Timestamp(1969, 12, 31, 23, 59, 59, 999999900), -1, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(1, 1, 1, 0, 0, 0, 1000000), -62135596799999, 0},
      {Column("datetimeoffset", 10, 34, 7),
       TimestampOffset(Timestamp(1970, 1, 1, 1, 0, 0, 1000100), 1, 0), 1, 1},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.column.TypeText());
    auto decoder = Decoder(With(one.column, "timestamps", "millis"));
    const auto arrays = Decode(decoder.get(), Cells(20).Add(one.cell).Null()).ValueOrDie();
    const auto& array = static_cast<const arrow::TimestampArray&>(*arrays[0]);
    const auto& type = static_cast<const arrow::TimestampType&>(*array.type());
    EXPECT_EQ(type.unit(), arrow::TimeUnit::MILLI);
    EXPECT_EQ(array.Value(0), one.millis);
    EXPECT_EQ(decoder->altered_values(), one.altered);
  }
  SourceColumn nanos = With(Column("datetime2", 8, 27, 7), "datetime2", "nanos");
  nanos = With(nanos, "timestamps", "millis");
  EXPECT_TRUE(Decoder(nanos)->fields()[0]->type()->Equals(arrow::timestamp(arrow::TimeUnit::NANO)));
}

TEST(OptionsTest, a_datetimeoffset_can_be_the_instant_alone) {
  SourceColumn column = With(Column("datetimeoffset", 10, 34, 7), "datetimeoffset", "utc");
  const std::string cell = TimestampOffset(Timestamp(1970, 1, 1, 0, 0, 0, 100), -5, -30);
  for (const bool millis : {false, true}) {
    if (millis) column = With(column, "timestamps", "millis");
    auto decoder = Decoder(column);
    const auto arrays = Decode(decoder.get(), Cells(20).Add(cell).Null()).ValueOrDie();
    ASSERT_EQ(arrays.size(), 1u);
    EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*arrays[0]).Value(0),
              int64_t{330} * 60 * (millis ? 1000 : 1000000));
    EXPECT_EQ(decoder->altered_values(), 1);
  }
}

TEST(OptionsTest, a_datetimeoffset_as_text_is_the_local_clock_and_its_offset) {
  const auto text = [](int scale, const std::string& local, int hours, int minutes) {
    return TextOf(With(Column("datetimeoffset", 10, 34, scale), "datetimeoffset", "string"),
                  TimestampOffset(local, hours, minutes));
  };
  const std::string local = Timestamp(2024, 2, 29, 18, 44, 15, 0);
  EXPECT_EQ(text(0, local, 5, 30), "2024-02-29 18:44:15 +05:30");
  EXPECT_EQ(text(0, local, -5, -30), "2024-02-29 18:44:15 -05:30");
  EXPECT_EQ(text(3, local, 0, -30), "2024-02-29 18:44:15.000 -00:30");
  EXPECT_EQ(text(7, Timestamp(9999, 12, 31, 23, 59, 59, 999999900), 14, 0),
            "9999-12-31 23:59:59.9999999 +14:00");
  ExpectRefused(With(Column("datetimeoffset", 10, 34, 0), "datetimeoffset", "string"),
                TimestampOffset(local, 14, 1), "impossible time zone offset");
}

TEST(OptionsTest, a_time_can_be_parquets_and_loses_its_7th_digit_by_count) {
  auto decoder = Decoder(With(Column("time", 5, 16, 7), "time", "time"));
  const auto arrays =
      Decode(decoder.get(),
             Cells(12).Add(Time(23, 59, 59, 999999900)).Add(Time(0, 0, 0, 1000)).Null())
          .ValueOrDie();
  const auto& array = static_cast<const arrow::Time64Array&>(*arrays[0]);
  EXPECT_TRUE(array.type()->Equals(arrow::time64(arrow::TimeUnit::MICRO)));
  EXPECT_EQ(array.Value(0), 86'399'999'999);
  EXPECT_EQ(array.Value(1), 1);
  EXPECT_TRUE(array.IsNull(2));
  EXPECT_EQ(decoder->altered_values(), 1);
  ExpectRefused(With(Column("time", 5, 16, 7), "time", "time"), Time(24, 0, 0, 0),
                "impossible time");
}

TEST(OptionsTest, a_uuid_has_its_bytes_in_the_order_of_its_text) {
  std::string wire;
  for (int i = 0; i < 16; ++i) wire += static_cast<char>(i);
  auto decoder = Decoder(With(Column("uniqueidentifier", 16), "uniqueidentifier", "uuid"));
  const auto arrays = Decode(decoder.get(), Cells(16).Add(wire).Null()).ValueOrDie();
  EXPECT_TRUE(arrays[0]->type()->Equals(arrow::extension::uuid()));
  const auto& uuids = static_cast<const arrow::ExtensionArray&>(*arrays[0]);
  const auto& bytes = static_cast<const arrow::FixedSizeBinaryArray&>(*uuids.storage());
  EXPECT_EQ(bytes.GetView(0), std::string("\3\2\1\0\5\4\7\6\10\11\12\13\14\15\16\17", 16));
  EXPECT_TRUE(uuids.IsNull(1));
}

TEST(OptionsTest, bytes_can_be_hex_digits) {
  for (const char* type : {"binary", "varbinary", "image"}) {
    const SourceColumn column = With(Column(type, 30), "binary", "hex");
    EXPECT_EQ(TextOf(column, std::string("\0\xFF\x1a", 3)), "00FF1A");
    EXPECT_EQ(TextOf(column, ""), "");
  }
  EXPECT_EQ(TextOf(With(Column("rowversion", 8), "binary", "hex"), "12345678"), "3132333435363738");
  EXPECT_TRUE(Decoder(With(Column("hierarchyid", 892), "binary", "hex"))
                  ->fields()[0]
                  ->type()
                  ->Equals(arrow::binary()));
}

TEST(OptionsTest, a_hierarchyid_can_be_its_path) {
  const SourceColumn column = With(Column("hierarchyid", 892), "hierarchyid", "path");
  EXPECT_EQ(TextOf(column, "\x5A\xC0"), "/1/1/");
  EXPECT_EQ(TextOf(column, ""), "/");
  auto decoder = Decoder(column);
  const Cells cells = Cells(892).Add("\x5A\xC0").Add("\xFF\xFF\xFF");
  EXPECT_FALSE(decoder->Append(cells.slice(), 0, 2).ok());
  EXPECT_EQ(decoder->failed_row(), 1);
}

TEST(OptionsTest, spatial_values_can_be_well_known_binary_with_their_srid) {
  // A point of version 1: SRID 4326, x 1.5, y -2.
  const std::string point = Bytes(int32_t{4326}, uint8_t{1}, uint8_t{0x0C}, 1.5, -2.0);
  const std::string planar = Bytes(uint8_t{1}, uint32_t{1}, 1.5, -2.0);
  const std::string spherical = Bytes(uint8_t{1}, uint32_t{1}, -2.0, 1.5);  // latitude first
  for (const bool geography : {false, true}) {
    auto decoder =
        Decoder(With(Column(geography ? "geography" : "geometry", -1), "spatial", "wkb"));
    EXPECT_TRUE(decoder->grows());
    const auto arrays = Decode(decoder.get(), Cells(64).Add(point).Null()).ValueOrDie();
    ASSERT_EQ(arrays.size(), 2u);
    EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*arrays[0]).GetView(0),
              geography ? spherical : planar);
    EXPECT_EQ(static_cast<const arrow::Int32Array&>(*arrays[1]).Value(0), 4326);
    EXPECT_TRUE(arrays[0]->IsNull(1));
    EXPECT_TRUE(arrays[1]->IsNull(1));
    EXPECT_EQ(decoder->fields()[1]->name(), "Price__srid");
    EXPECT_EQ(decoder->fields()[0]->metadata()->Get(kGeoKey).ValueOrDie(),
              geography ? "spherical" : "planar");
  }
  ExpectRefused(With(Column("geometry", -1), "spatial", "wkb"), "abc", "cut short");
}

TEST(OptionsTest, cdcs_own_columns_can_have_other_names_binary_lsns_and_milliseconds) {
  Options options;
  options.Set("lsn", "bytes");
  options.Set("timestamps", "millis");
  options.Set("meta_prefix", "cdc_");
  for (const auto column : {MetadataColumn::kStartLsn, MetadataColumn::kSeqval}) {
    auto decoder = ColumnDecoder::MakeMetadata(column, options);
    const std::string lsn("\0\0\0\x2A\0\0\x01\xF0\0\4", 10);
    const auto arrays = Decode(decoder.get(), Cells(10).Add(lsn)).ValueOrDie();
    EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*arrays[0]).GetView(0), lsn);
    const auto text = Decode(ColumnDecoder::MakeMetadata(column).get(), Cells(10).Add(lsn));
    EXPECT_EQ(static_cast<const arrow::StringArray&>(*text.ValueOrDie()[0]).GetView(0),
              "0000002A000001F00004");
    EXPECT_FALSE(decoder->fields()[0]->nullable());
    EXPECT_THAT(decoder->Append(Cells(10).Add("012345678").slice(), 0, 1).message(),
                HasSubstr("9 bytes instead of 10"));
  }
  auto commit = ColumnDecoder::MakeMetadata(MetadataColumn::kCommitTime, options);
  const auto arrays =
      Decode(commit.get(), Cells(16).Add(Timestamp(1970, 1, 1, 0, 0, 1, 3000000)).Null())
          .ValueOrDie();
  EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*arrays[0]).Value(0), 1003);
  EXPECT_TRUE(arrays[0]->type()->Equals(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")));
  std::vector<std::string> names;
  for (int i = 0; i < kMetadataColumns; ++i) {
    names.push_back(
        ColumnDecoder::MakeMetadata(static_cast<MetadataColumn>(i), options)->fields()[0]->name());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("cdc_start_lsn", "cdc_command_id", "cdc_seqval",
                                            "cdc_operation", "cdc_update_mask", "cdc_commit_time"));
}

}  // namespace
}  // namespace cdc::columns

#include "columns/column.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "columns/testing/cells.h"
#include "columns/type_table.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;

template <typename Value, typename ArrayType>
void ExpectNumbers(const std::string& type, const std::vector<Value>& values) {
  SCOPED_TRACE(type);
  Cells cells(sizeof(Value));
  for (const Value value : values) cells.Add(Bytes(value));
  cells.Null();
  const auto array = DecodeOne<ArrayType>(Column(type), cells);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto got = array->Value(static_cast<int64_t>(i));
    if constexpr (std::is_floating_point_v<Value>) {
      EXPECT_EQ(Bytes(got), Bytes(values[i]));  // bit by bit: -0.0 and NaN too
    } else {
      EXPECT_EQ(got, values[i]);
    }
  }
  EXPECT_TRUE(array->IsNull(static_cast<int64_t>(values.size())));
  EXPECT_EQ(array->null_count(), 1);
}

TEST(ColumnTest, integers_and_floats_are_exact) {
  ExpectNumbers<uint8_t, arrow::Int16Array>("tinyint", {0, 1, 127, 128, 255});
  ExpectNumbers<int16_t, arrow::Int16Array>("smallint", {0, -1, INT16_MIN, INT16_MAX});
  ExpectNumbers<int32_t, arrow::Int32Array>("int", {0, -1, INT32_MIN, INT32_MAX});
  ExpectNumbers<int64_t, arrow::Int64Array>("bigint", {0, -1, INT64_MIN, INT64_MAX});
  ExpectNumbers<float, arrow::FloatArray>("real", {0.F, -0.F, 1.1F, 3.4028235e38F, 1e-45F});
  ExpectNumbers<double, arrow::DoubleArray>("float",
                                            {0., -0., 0.1, 1.7976931348623157e308, 5e-324});
}

TEST(ColumnTest, a_bit_is_a_boolean) {
  const auto array =
      DecodeOne<arrow::BooleanArray>(Column("bit"), Cells(1).Add({"\1", 1}).Add({"\0", 1}).Null());
  EXPECT_TRUE(array->Value(0));
  EXPECT_FALSE(array->Value(1));
  EXPECT_TRUE(array->IsNull(2));
  ExpectRefused(Column("bit"), "\2", "neither 0 nor 1");
}

std::string Numeric(int precision, int scale, std::string_view digits) {
  arrow::Decimal128 value = arrow::Decimal128::FromString(digits).ValueOrDie();
  const bool negative = value < 0;
  if (negative) value.Negate();
  return Bytes(static_cast<uint8_t>(precision), static_cast<int8_t>(scale),
               static_cast<uint8_t>(!negative), value.low_bits(), value.high_bits());
}

TEST(ColumnTest, decimals_are_exact_to_38_digits) {
  const struct {
    int precision;
    int scale;
    std::vector<std::string> values;
  } cases[] = {
      {1, 0, {"0", "9", "-9"}},
      {9, 4, {"12345.6789", "-0.0001", "99999.9999"}},
      {19, 4, {"922337203685477.5807", "-999999999999999.9999"}},
      {38,
       0,
       {"99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"}},
      {38, 38, {"0.00000000000000000000000000000000000001"}}};
  for (const auto& one : cases) {
    Cells cells(19);
    for (const std::string& value : one.values) cells.Add(Numeric(one.precision, one.scale, value));
    for (const char* type : {"decimal", "numeric"}) {
      const auto array =
          DecodeOne<arrow::Decimal128Array>(Column(type, 17, one.precision, one.scale), cells);
      for (size_t i = 0; i < one.values.size(); ++i) {
        EXPECT_EQ(arrow::Decimal128(array->GetValue(static_cast<int64_t>(i))),
                  arrow::Decimal128::FromString(one.values[i]).ValueOrDie());
      }
    }
  }
}

TEST(ColumnTest, decimals_that_cannot_be_are_refused) {
  const SourceColumn column = Column("decimal", 5, 5, 2);
  ExpectRefused(column, Numeric(5, 2, "1000.00"), "too many digits");
  ExpectRefused(column, Numeric(5, 3, "1.000"), "another scale");
  ExpectRefused(column, Numeric(5, 2, "1.00").substr(0, 7), "7 bytes instead of 19");
  std::string bytes = Numeric(5, 2, "1.00");
  bytes[2] = 2;
  ExpectRefused(column, bytes, "a sign that is neither 0 nor 1");
  bytes[2] = 1;
  bytes[18] = '\xFF';
  ExpectRefused(column, bytes, "too many digits");
}

TEST(ColumnTest, money_is_a_decimal_with_four_digits) {
  const auto money = [](int64_t value) {
    return Bytes(static_cast<int32_t>(value >> 32), static_cast<uint32_t>(value & 0xFFFFFFFF));
  };
  const std::vector<int64_t> values = {
      0, 1, -1, 12345678, INT64_MAX, INT64_MIN, int64_t{1} << 32, -(int64_t{1} << 32)};
  Cells cells(8);
  for (const int64_t value : values) cells.Add(money(value));
  const auto array = DecodeOne<arrow::Decimal128Array>(Column("money"), cells);
  EXPECT_TRUE(array->type()->Equals(arrow::decimal128(19, 4)));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(arrow::Decimal128(array->GetValue(static_cast<int64_t>(i))),
              arrow::Decimal128(values[i]));
  }
  const auto small = DecodeOne<arrow::Decimal128Array>(
      Column("smallmoney"), Cells(4).Add(Bytes(INT32_MIN)).Add(Bytes(INT32_MAX)).Null());
  EXPECT_EQ(small->FormatValue(0), "-214748.3648");
  EXPECT_EQ(small->FormatValue(1), "214748.3647");
  EXPECT_TRUE(small->IsNull(2));
}

TEST(ColumnTest, text_becomes_utf8_and_keeps_blanks_and_nuls) {
  const std::u16string texts[] = {
      u"", u" ", u"trailing   ", std::u16string(u"a\0b", 3), u"Zoë 🚲 日本語", u"1234567"};
  const std::string expected[] = {
      "", " ", "trailing   ", std::string("a\0b", 3), "Zoë 🚲 日本語", "1234567"};
  for (const char* type : {"nvarchar", "nchar", "varchar", "char"}) {
    const bool is_wide = type[0] == 'n';
    const SourceColumn column = Column(type, 40);
    auto decoder = Decoder(column);
    EXPECT_EQ(decoder->binding().slot_bytes, is_wide ? 40 : 80);
    EXPECT_EQ(decoder->binding().c_type, odbc::CType::kBinary);
    EXPECT_FALSE(decoder->grows());
    Cells cells(decoder->binding().slot_bytes);
    for (const auto& text : texts) cells.Add(Utf16(text));
    cells.Null();
    const auto array =
        std::static_pointer_cast<arrow::StringArray>(Decode(decoder.get(), cells).ValueOrDie()[0]);
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(array->GetView(i), expected[i]);
    EXPECT_TRUE(array->IsNull(6));
    EXPECT_EQ(decoder->altered_values(), 0);
  }
}

TEST(ColumnTest, values_with_lone_surrogates_are_counted) {
  auto decoder = Decoder(Column("nvarchar", 40));
  const std::u16string two = {0xD83D, u'a', 0xDEB2};
  const auto arrays =
      Decode(decoder.get(), Cells(40).Add(Utf16(two)).Add(Utf16(u"ok"))).ValueOrDie();
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*arrays[0]).GetView(0), "\uFFFDa\uFFFD");
  EXPECT_EQ(decoder->altered_values(), 1);
}

TEST(ColumnTest, a_value_longer_than_its_slot_is_never_cut) {
  for (const char* type : {"nvarchar", "varbinary"}) {
    const SourceColumn column = Column(type, 8);
    ExpectRefused(column, std::string(10, 'x'), "10 bytes, cut to its slot of 8 bytes");
    const arrow::Status no_total =
        Decoder(column)->Append(Cells(8).OfLength(odbc::kNoTotal).slice(), 0, 1);
    EXPECT_THAT(no_total.message(), HasSubstr("longer than its slot"));
    const arrow::Status negative = Decoder(column)->Append(Cells(8).OfLength(-7).slice(), 0, 1);
    EXPECT_THAT(negative.message(), HasSubstr("-7 bytes"));
  }
  ExpectRefused(Column("varchar", 4), Utf16(u"abcde"), "10 bytes, cut to its slot of 8 bytes");
  ExpectRefused(Column("nvarchar", 8), "abc", "half a UTF-16 unit");
}

TEST(ColumnTest, a_max_column_begins_small_and_takes_a_larger_slot) {
  for (const char* type : {"nvarchar", "varchar", "varbinary", "geography"}) {
    auto decoder = Decoder(Column(type, -1));
    EXPECT_EQ(decoder->binding().slot_bytes, 4096);
    EXPECT_TRUE(decoder->grows());
    const auto arrays =
        Decode(decoder.get(), Cells(100000).Add(Utf16(std::u16string(20000, u'x'))));
    EXPECT_TRUE(arrays.ok()) << arrays.status();
  }
}

TEST(ColumnTest, the_old_large_types_and_the_new_ones_begin_small_whatever_the_catalogue_says) {
  const struct {
    const char* type;
    int32_t catalogue_bytes;
    odbc::CType c_type;
  } cases[] = {{"text", 16, odbc::CType::kBinary},   {"ntext", 16, odbc::CType::kBinary},
               {"xml", -1, odbc::CType::kWideChar},  {"json", -1, odbc::CType::kBinary},
               {"vector", 20, odbc::CType::kBinary}, {"image", 16, odbc::CType::kBinary}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.type);
    auto decoder = Decoder(Column(one.type, one.catalogue_bytes));
    EXPECT_EQ(decoder->binding().slot_bytes, 4096);
    EXPECT_EQ(decoder->binding().c_type, one.c_type);
    EXPECT_TRUE(decoder->grows());
    const bool bytes = std::string(one.type) == "image";
    const std::string cell = bytes ? std::string("\0\xFF", 2) : Utf16(u"[1] é🚲 ");
    const auto arrays = Decode(decoder.get(), Cells(4096).Add(cell).Add("").Null()).ValueOrDie();
    const auto& array = static_cast<const arrow::BinaryArray&>(*arrays[0]);
    EXPECT_TRUE(array.type()->Equals(bytes ? arrow::binary() : arrow::utf8()));
    EXPECT_EQ(array.GetView(0), bytes ? cell : "[1] é🚲 ");
    EXPECT_EQ(array.GetView(1), "");
    EXPECT_TRUE(array.IsNull(2));
  }
}

TEST(ColumnTest, a_clr_type_of_somebodys_own_is_its_bytes_whatever_it_is_called) {
  for (const char* name : {"Point", "vector", "json", "int"}) {
    SourceColumn column = Column(name, 17);
    column.is_clr = true;
    auto decoder = Decoder(column);
    EXPECT_EQ(decoder->binding().slot_bytes, 4096) << name;
    EXPECT_TRUE(decoder->grows()) << name;
    EXPECT_EQ(column.TypeText(), name);
    EXPECT_EQ(ReadAsOf(column), ReadAs::kItself) << name;
    const auto arrays = Decode(decoder.get(), Cells(4096).Add("ab").Null()).ValueOrDie();
    EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*arrays[0]).GetView(0), "ab");
  }
  SourceColumn column = Column("hierarchyid", 892);
  column.is_clr = true;
  EXPECT_EQ(Decoder(column)->binding().slot_bytes, 892);
}

TEST(ColumnTest, bytes_stay_bytes) {
  const std::string value("\0\xFF\0", 3);
  for (const char* type : {"binary", "varbinary", "hierarchyid", "geometry", "geography"}) {
    const auto array =
        DecodeOne<arrow::BinaryArray>(Column(type, 892), Cells(892).Add(value).Add("").Null());
    EXPECT_EQ(array->GetView(0), value);
    EXPECT_EQ(array->GetView(1), "");
    EXPECT_TRUE(array->IsNull(2));
  }
  for (const char* type : {"timestamp", "rowversion"}) {
    const auto array = DecodeOne<arrow::BinaryArray>(Column(type, 8), Cells(8).Add("12345678"));
    EXPECT_EQ(array->GetView(0), "12345678");
  }
}

TEST(ColumnTest, a_uniqueidentifier_is_text_as_the_server_writes_it) {
  std::string wire;
  for (int i = 0; i < 16; ++i) wire += static_cast<char>(0xA0 + i);
  auto decoder = Decoder(Column("uniqueidentifier", 16));
  const auto arrays = Decode(decoder.get(), Cells(16).Add(wire).Null()).ValueOrDie();
  const auto& array = static_cast<const arrow::StringArray&>(*arrays[0]);
  EXPECT_EQ(array.GetView(0), "A3A2A1A0-A5A4-A7A6-A8A9-AAABACADAEAF");
  EXPECT_TRUE(array.IsNull(1));
}

TEST(ColumnTest, fields_are_nullable_and_have_no_parquet_field_id) {
  const auto field = Decoder(Column("int"))->fields()[0];
  EXPECT_EQ(field->name(), "Price");
  EXPECT_TRUE(field->nullable());
  EXPECT_FALSE(field->metadata()->Contains("PARQUET:field_id"));
  EXPECT_FALSE(field->metadata()->Contains(kEncodingKey));
}

TEST(ColumnTest, other_types_are_refused_by_name) {
  for (const char* type : {"made_up", ""}) {
    const arrow::Status status = ColumnDecoder::Make(Column(type, -1)).status();
    EXPECT_TRUE(status.IsNotImplemented());
    EXPECT_EQ(status.message(),
              std::string("column Price has type ") + type + ", which is not supported yet");
  }
}

TEST(ColumnTest, impossible_catalogue_numbers_are_refused) {
  for (const SourceColumn& column :
       {Column("decimal", 5, 39, 0), Column("decimal", 5, 5, 6), Column("time", 5, 16, 8),
        Column("varchar", 0), Column("varchar", 8001), Column("hierarchyid", 0)}) {
    EXPECT_TRUE(ColumnDecoder::Make(column).status().IsInvalid()) << column.TypeText();
  }
}

TEST(ColumnTest, a_types_text_is_as_in_sql) {
  EXPECT_EQ(Column("nvarchar", 100).TypeText(), "nvarchar(50)");
  EXPECT_EQ(Column("varchar", 100).TypeText(), "varchar(100)");
  EXPECT_EQ(Column("varbinary", -1).TypeText(), "varbinary(max)");
  EXPECT_EQ(Column("decimal", 9, 19, 4).TypeText(), "decimal(19,4)");
  EXPECT_EQ(Column("datetime2", 8, 27, 7).TypeText(), "datetime2(7)");
  EXPECT_EQ(Column("int", 4, 10).TypeText(), "int");
  EXPECT_EQ(Column("geography", -1).TypeText(), "geography");
  EXPECT_EQ(Column("xml", -1).TypeText(), "xml");
}

TEST(ColumnTest, rows_may_be_appended_in_parts_and_a_decoder_goes_on_after_finish) {
  auto decoder = Decoder(Column("nvarchar", 40));
  const Cells cells = Cells(40).Add(Utf16(u"a")).Add(Utf16(u"bb")).Null().Add(Utf16(u"dddd"));
  ASSERT_TRUE(decoder->Append(cells.slice(), 1, 2).ok());
  ASSERT_TRUE(decoder->Append(cells.slice(), 0, 1).ok());
  arrow::ArrayVector arrays;
  ASSERT_TRUE(decoder->Finish(&arrays).ok());
  const auto& first = static_cast<const arrow::StringArray&>(*arrays[0]);
  ASSERT_EQ(first.length(), 3);
  EXPECT_EQ(first.GetView(0), "bb");
  EXPECT_TRUE(first.IsNull(1));
  EXPECT_EQ(first.GetView(2), "a");
  ASSERT_TRUE(decoder->Append(cells.slice(), 3, 1).ok());
  ASSERT_TRUE(decoder->Finish(&arrays).ok());
  ASSERT_EQ(arrays.size(), 1);
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*arrays[0]).GetView(0), "dddd");
  ASSERT_TRUE(decoder->Finish(&arrays).ok());
  EXPECT_EQ(arrays[0]->length(), 0);
}

TEST(MetadataColumnTest, cdcs_own_columns_have_their_names_and_types) {
  const struct {
    MetadataColumn column;
    const char* name;
    std::shared_ptr<arrow::DataType> type;
    bool nullable;
  } cases[] = {
      {MetadataColumn::kStartLsn, "__$start_lsn", arrow::utf8(), false},
      {MetadataColumn::kSeqval, "__$seqval", arrow::utf8(), false},
      {MetadataColumn::kCommandId, "__$command_id", arrow::int32(), true},
      {MetadataColumn::kOperation, "__$operation", arrow::int32(), false},
      {MetadataColumn::kUpdateMask, "__$update_mask", arrow::binary(), true},
      {MetadataColumn::kCommitTime, "__$commit_time",
       arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), true},
  };
  for (const auto& one : cases) {
    const auto field = ColumnDecoder::MakeMetadata(one.column)->fields()[0];
    EXPECT_EQ(field->name(), one.name);
    EXPECT_TRUE(field->type()->Equals(one.type)) << one.name;
    EXPECT_EQ(field->nullable(), one.nullable) << one.name;
    EXPECT_FALSE(field->HasMetadata()) << one.name;
  }
}

TEST(MetadataColumnTest, what_cdc_never_writes_is_refused) {
  const auto append = [](MetadataColumn column, const Cells& cells) {
    return ColumnDecoder::MakeMetadata(column)->Append(cells.slice(), 0, cells.rows()).message();
  };
  EXPECT_EQ(append(MetadataColumn::kStartLsn, Cells(10).Add("0123456789")), "");
  EXPECT_THAT(append(MetadataColumn::kStartLsn, Cells(10).Add("012345678")),
              HasSubstr("9 bytes instead of 10"));
  EXPECT_THAT(append(MetadataColumn::kSeqval, Cells(10).Null()),
              HasSubstr("column __$seqval holds NULL"));
  EXPECT_EQ(append(MetadataColumn::kCommandId, Cells(4).Null().Add(Bytes(int32_t{3}))), "");
  for (int32_t operation = 1; operation <= 4; ++operation) {
    EXPECT_EQ(append(MetadataColumn::kOperation, Cells(4).Add(Bytes(operation))), "");
  }
  EXPECT_THAT(append(MetadataColumn::kOperation, Cells(4).Add(Bytes(int32_t{5}))),
              HasSubstr("not 1 to 4"));
  EXPECT_THAT(append(MetadataColumn::kOperation, Cells(4).Null()), HasSubstr("NULL"));
}

}  // namespace
}  // namespace cdc::columns

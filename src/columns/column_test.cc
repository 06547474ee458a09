#include "columns/column.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace cdc::columns {
namespace {

using ::testing::HasSubstr;

// Cells of one column as a driver leaves them: each in a slot, the rest of the slot garbage.
class Cells {
 public:
  explicit Cells(int64_t slot_bytes) : slot_bytes_(slot_bytes) {}
  Cells& Add(std::string_view bytes) {
    const size_t start = data_.size();
    data_.resize(start + static_cast<size_t>(slot_bytes_), '\xA5');
    std::memcpy(data_.data() + start, bytes.data(),
                std::min(bytes.size(), static_cast<size_t>(slot_bytes_)));
    lengths_.push_back(static_cast<int64_t>(bytes.size()));
    return *this;
  }
  Cells& Null() {
    Add("");
    lengths_.back() = odbc::kNull;
    return *this;
  }
  Cells& OfLength(int64_t length) {
    Add("");
    lengths_.back() = length;
    return *this;
  }
  odbc::ColumnSlice slice() const {
    return {reinterpret_cast<const uint8_t*>(data_.data()), slot_bytes_, lengths_.data()};
  }
  int64_t rows() const { return static_cast<int64_t>(lengths_.size()); }

 private:
  int64_t slot_bytes_;
  std::string data_;
  std::vector<int64_t> lengths_;
};

template <typename... Ts>
std::string Bytes(const Ts&... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}
std::string Utf16(std::u16string_view text) {
  return {reinterpret_cast<const char*>(text.data()), text.size() * 2};
}

SourceColumn Column(std::string type, int32_t length = 0, int32_t precision = 0,
                    int32_t scale = 0) {
  SourceColumn column;
  column.name = "Price";
  column.type_name = std::move(type);
  column.max_length_bytes = length;
  column.precision = precision;
  column.scale = scale;
  column.column_id = 7;
  return column;
}

std::unique_ptr<ColumnDecoder> Decoder(const SourceColumn& column) {
  auto decoder = ColumnDecoder::Make(column);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.MoveValueUnsafe();
}

// All rows through a decoder; its arrays must agree with its fields.
arrow::Result<arrow::ArrayVector> Decode(ColumnDecoder* decoder, const Cells& cells) {
  ARROW_RETURN_NOT_OK(decoder->Append(cells.slice(), 0, cells.rows()));
  arrow::ArrayVector arrays;
  ARROW_RETURN_NOT_OK(decoder->Finish(&arrays));
  EXPECT_EQ(arrays.size(), decoder->fields().size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_TRUE(arrays[i]->ValidateFull().ok()) << arrays[i]->ValidateFull();
    EXPECT_TRUE(arrays[i]->type()->Equals(decoder->fields()[i]->type()));
    EXPECT_EQ(arrays[i]->length(), cells.rows());
  }
  return arrays;
}
arrow::Result<arrow::ArrayVector> Decode(const SourceColumn& column, const Cells& cells) {
  return Decode(Decoder(column).get(), cells);
}
template <typename ArrayType>
std::shared_ptr<ArrayType> DecodeOne(const SourceColumn& column, const Cells& cells) {
  return std::static_pointer_cast<ArrayType>(Decode(column, cells).ValueOrDie()[0]);
}
void ExpectRefused(const SourceColumn& column, const std::string& cell, const std::string& why) {
  auto decoder = Decoder(column);
  const Cells cells = Cells(decoder->binding().slot_bytes).Add(cell);
  const arrow::Status status = decoder->Append(cells.slice(), 0, 1);
  EXPECT_THAT(status.message(), HasSubstr(why));
  EXPECT_THAT(status.message(), HasSubstr("Price " + column.TypeText()));
}

std::string Timestamp(int year, int month, int day, int hour, int minute, int second,
                      uint32_t nanoseconds) {
  const auto u16 = [](int value) { return static_cast<uint16_t>(value); };
  return Bytes(static_cast<int16_t>(year), u16(month), u16(day), u16(hour), u16(minute),
               u16(second), nanoseconds);
}
std::string TimestampOffset(const std::string& timestamp, int hours, int minutes) {
  return timestamp + Bytes(static_cast<int16_t>(hours), static_cast<int16_t>(minutes));
}
std::string Time(int hour, int minute, int second, uint32_t nanoseconds) {
  const auto u16 = [](int value) { return static_cast<uint16_t>(value); };
  return Bytes(u16(hour), u16(minute), u16(second), uint16_t{0xBEEF}, nanoseconds);
}

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

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

TEST(ColumnTest, every_day_of_the_years_1_to_9999_has_its_number) {
  auto decoder = Decoder(Column("date"));
  int32_t days = -719162;  // 0001-01-01 (MS-TDS: 1970-01-01 is day 719162)
  for (int year = 1; year <= 9999; ++year) {
    Cells cells(6);
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= DaysInMonth(year, month); ++day) {
        cells.Add(Timestamp(year, month, day, 0, 0, 0, 0).substr(0, 6));
      }
    }
    const auto array =
        std::static_pointer_cast<arrow::Date32Array>(Decode(decoder.get(), cells).ValueOrDie()[0]);
    for (int64_t i = 0; i < array->length(); ++i) ASSERT_EQ(array->Value(i), days++) << year;
  }
  EXPECT_EQ(days, 2932897);
}

TEST(ColumnTest, impossible_dates_are_refused) {
  for (const auto& [year, month, day] : {std::array{2023, 2, 29},
                                         {1900, 2, 29},
                                         {2024, 13, 1},
                                         {2024, 0, 1},
                                         {2024, 1, 0},
                                         {2024, 4, 31},
                                         {0, 1, 1},
                                         {10000, 1, 1},
                                         {-1, 1, 1}}) {
    ExpectRefused(Column("date"), Timestamp(year, month, day, 0, 0, 0, 0).substr(0, 6),
                  "impossible date");
    ExpectRefused(Column("datetime2", 8, 27, 7), Timestamp(year, month, day, 0, 0, 0, 0),
                  "impossible date");
  }
}

TEST(ColumnTest, timestamps_are_microseconds_of_the_same_clock) {
  const struct {
    SourceColumn column;
    std::string cell;
    int64_t micros;
    int64_t altered;
  } cases[] = {
      {Column("datetime"), Timestamp(1970, 1, 1, 0, 0, 0, 997000000), 997000, 0},
      {Column("datetime"), Timestamp(1753, 1, 1, 0, 0, 0, 3000000), -6847804800000000 + 3000, 0},
      {Column("smalldatetime"), Timestamp(1970, 1, 2, 1, 1, 0, 0), 86400000000 + 3660000000, 0},
      {Column("datetime2", 8, 27, 7), Timestamp(1970, 1, 1, 0, 0, 1, 999999900), 1999999, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(1969, 12, 31, 23, 59, 59, 999999900), -1, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(1, 1, 1, 0, 0, 0, 100), -62135596800000000, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(9999, 12, 31, 23, 59, 59, 999999000),
       253402300799999999, 0},
      {Column("datetime2", 6, 19, 0), Timestamp(2024, 2, 29, 12, 30, 15, 0), 1709209815000000, 0},
  };
  for (const auto& one : cases) {
    auto decoder = Decoder(one.column);
    const auto arrays = Decode(decoder.get(), Cells(16).Add(one.cell).Null());
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    const auto array = std::static_pointer_cast<arrow::TimestampArray>((*arrays)[0]);
    EXPECT_TRUE(array->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO)));
    EXPECT_EQ(array->Value(0), one.micros);
    EXPECT_TRUE(array->IsNull(1));
    EXPECT_EQ(decoder->altered_values(), one.altered);
  }
}

TEST(ColumnTest, impossible_times_are_refused) {
  const SourceColumn datetime2 = Column("datetime2", 7, 23, 3);
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 24, 0, 0, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 60, 0, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 60, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 0, 1000000000), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 0, 1000),
                "impossible date or time");  // finer than its scale
  ExpectRefused(Column("time", 5, 16, 7), Time(24, 0, 0, 0), "impossible time");
  ExpectRefused(Column("time", 3, 8, 0), Time(1, 0, 0, 100000000), "impossible time");
}

TEST(ColumnTest, a_datetimeoffset_is_an_instant_and_an_offset) {
  const SourceColumn column = Column("datetimeoffset", 10, 34, 7);
  const std::string local = Timestamp(2024, 2, 29, 18, 44, 15, 123456700);
  const int64_t as_utc = 1709232255123456;
  const struct {
    std::string cell;
    int64_t utc;
    int16_t offset;
  } cases[] = {{TimestampOffset(local, 0, 0), as_utc, 0},
               {TimestampOffset(local, 5, 30), as_utc - 330 * 60000000LL, 330},
               {TimestampOffset(local, -5, -30), as_utc + 330 * 60000000LL, -330},
               {TimestampOffset(local, 0, -30), as_utc + 30 * 60000000LL, -30},
               {TimestampOffset(local, 14, 0), as_utc - 840 * 60000000LL, 840},
               {TimestampOffset(local, -14, 0), as_utc + 840 * 60000000LL, -840}};
  auto decoder = Decoder(column);
  Cells cells(20);
  for (const auto& one : cases) cells.Add(one.cell);
  cells.Null();
  const auto arrays = Decode(decoder.get(), cells).ValueOrDie();
  const auto instants = std::static_pointer_cast<arrow::TimestampArray>(arrays[0]);
  const auto offsets = std::static_pointer_cast<arrow::Int16Array>(arrays[1]);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(instants->Value(i), cases[i].utc);
    EXPECT_EQ(offsets->Value(i), cases[i].offset);
  }
  EXPECT_TRUE(instants->IsNull(6));
  EXPECT_TRUE(offsets->IsNull(6));
  EXPECT_EQ(decoder->altered_values(), 6);
  EXPECT_EQ(decoder->fields()[1]->name(), "Price__offset");
  EXPECT_TRUE(
      decoder->fields()[0]->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));

  for (const auto& [hours, minutes] : {std::pair{14, 1}, {-14, -1}, {1, -1}, {-1, 1}, {0, 60}}) {
    ExpectRefused(column, TimestampOffset(local, hours, minutes), "impossible time zone offset");
  }
  ExpectRefused(column, TimestampOffset(Timestamp(1, 1, 1, 0, 0, 0, 0), 1, 0), "outside the years");
  ExpectRefused(column, TimestampOffset(Timestamp(9999, 12, 31, 23, 30, 0, 0), -1, 0),
                "outside the years");
}

TEST(ColumnTest, a_time_is_text_with_exactly_the_digits_of_its_scale) {
  const char* expected[] = {"03:04:05",        "03:04:05.0",      "03:04:05.05",
                            "03:04:05.050",    "03:04:05.0500",   "03:04:05.05000",
                            "03:04:05.050000", "03:04:05.0500000"};
  for (int scale = 0; scale <= 7; ++scale) {
    const uint32_t nanoseconds = scale < 2 ? 0 : 50000000;
    const auto array = DecodeOne<arrow::StringArray>(
        Column("time", 5, 16, scale), Cells(12).Add(Time(3, 4, 5, nanoseconds)).Null());
    EXPECT_EQ(array->GetView(0), expected[scale]);
    EXPECT_TRUE(array->IsNull(1));
  }
  const auto last = DecodeOne<arrow::StringArray>(Column("time", 5, 16, 7),
                                                  Cells(12).Add(Time(23, 59, 59, 999999900)));
  EXPECT_EQ(last->GetView(0), "23:59:59.9999999");
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
    EXPECT_EQ(decoder->binding().slot_bytes, is_wide ? 40 : 82);
    EXPECT_EQ(decoder->binding().c_type, is_wide ? odbc::CType::kBinary : odbc::CType::kWideChar);
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
  // The driver needs two bytes of the slot for a NUL.
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
  EXPECT_EQ(decoder->fields()[0]->metadata()->Get(kEncodingKey).ValueOrDie(), "plain");
}

TEST(ColumnTest, fields_are_nullable_and_carry_the_source_columns_id) {
  const auto field = Decoder(Column("int"))->fields()[0];
  EXPECT_EQ(field->name(), "Price");
  EXPECT_TRUE(field->nullable());
  EXPECT_EQ(field->metadata()->Get("PARQUET:field_id").ValueOrDie(), "7");
  EXPECT_FALSE(field->metadata()->Contains(kEncodingKey));
}

TEST(ColumnTest, other_types_are_refused_by_name) {
  for (const char* type :
       {"xml", "sql_variant", "text", "ntext", "image", "json", "vector", "MyType"}) {
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

TEST(MetadataColumnTest, cdcs_own_columns_have_their_names_types_and_encodings) {
  const struct {
    MetadataColumn column;
    const char* name;
    std::shared_ptr<arrow::DataType> type;
    bool nullable;
    std::optional<std::string> encoding;
  } cases[] = {
      {MetadataColumn::kStartLsn, "__$start_lsn", arrow::fixed_size_binary(10), false, "plain"},
      {MetadataColumn::kSeqval, "__$seqval", arrow::fixed_size_binary(10), false, "plain"},
      {MetadataColumn::kCommandId, "__$command_id", arrow::int32(), true, "delta"},
      {MetadataColumn::kOperation, "__$operation", arrow::int32(), false, "delta"},
      {MetadataColumn::kUpdateMask, "__$update_mask", arrow::binary(), true, std::nullopt},
      {MetadataColumn::kCommitTime, "__$commit_time",
       arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), true, "delta"},
  };
  for (const auto& one : cases) {
    const auto field = ColumnDecoder::MakeMetadata(one.column)->fields()[0];
    EXPECT_EQ(field->name(), one.name);
    EXPECT_TRUE(field->type()->Equals(one.type)) << one.name;
    EXPECT_EQ(field->nullable(), one.nullable) << one.name;
    EXPECT_EQ(field->metadata()->Contains(kEncodingKey), one.encoding.has_value()) << one.name;
    if (one.encoding.has_value()) {
      EXPECT_EQ(field->metadata()->Get(kEncodingKey).ValueOrDie(), *one.encoding);
    }
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
              HasSubstr("column __$seqval: the driver gave NULL"));
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

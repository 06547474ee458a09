#include "columns/type_table.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "columns/bytes_codecs.h"
#include "columns/number_codecs.h"
#include "columns/time_codecs.h"
#include "columns/variant_codec.h"

// One row per SQL type, and nothing about a type anywhere else. Bindings are those for which both
// drivers were measured to give the same bytes. Text of a code page is decoded by the server alone:
// both drivers join letters and accents of 1255 and 1258, and give "?" for bytes to which Windows
// gives a character and iconv none (81 in 1252, the euro's 80 in 936). The Arrow types of default
// forms are those that every common reader of Parquet takes: no unsigned integers, no TIME, no
// UUID, no nanoseconds.

namespace cdc::columns {
namespace {

using odbc::CType;
using Column = const SourceColumn&;
using TypePtr = ArrowTypePtr;

constexpr int64_t kFirstSlotOfMaxTypes = 4096;

// Slots: of fixed size, of the column's length in bytes, and for decoded text two bytes for each
// byte of the code page (a UTF-16 unit never comes from less), which nvarchar(n) holds up to 4,000.
// What the catalogue says of text, image, sql_variant, json and vector is not the length of what
// arrives.
template <int64_t kBytes>
Slot Fixed(Column) {
  return {kBytes};
}
Slot Max(Column) { return {kFirstSlotOfMaxTypes, /*grows=*/true}; }
Slot Length(Column column) {
  return column.max_length_bytes < 0 ? Max(column) : Slot{column.max_length_bytes};
}
Slot DecodedLength(Column column) {
  const bool is_max = column.max_length_bytes < 0 || column.max_length_bytes > 4000;
  return is_max ? Max(column) : Slot{2 * int64_t{column.max_length_bytes}};
}

// Arrow types.
TypePtr ToBoolean(Column) { return arrow::boolean(); }
TypePtr ToInt16(Column) { return arrow::int16(); }
TypePtr ToInt32(Column) { return arrow::int32(); }
TypePtr ToInt64(Column) { return arrow::int64(); }
TypePtr ToFloat(Column) { return arrow::float32(); }
TypePtr ToDouble(Column) { return arrow::float64(); }
TypePtr ToDecimal(Column column) { return arrow::decimal128(column.precision, column.scale); }
TypePtr ToMoney(Column) { return arrow::decimal128(19, 4); }
TypePtr ToSmallMoney(Column) { return arrow::decimal128(10, 4); }
TypePtr ToDate(Column) { return arrow::date32(); }
TypePtr ToLocalTimestamp(Column) { return arrow::timestamp(arrow::TimeUnit::MICRO); }
TypePtr ToUtcTimestamp(Column) { return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"); }
TypePtr ToString(Column) { return arrow::utf8(); }
TypePtr ToBinary(Column) { return arrow::binary(); }

// Decoders.
template <typename Codec>
std::unique_ptr<ColumnDecoder> With(Column, DecoderShape shape) {
  return MakeDecoder(std::move(shape), Codec());
}
std::unique_ptr<ColumnDecoder> WithDecimal(Column column, DecoderShape shape) {
  return MakeDecoder(std::move(shape), DecimalCodec(column.precision, column.scale));
}
template <int kScale>
std::unique_ptr<ColumnDecoder> WithTimestampOfScale(Column, DecoderShape shape) {
  TimestampCodec codec(shape.fields[0]->type(), kScale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
std::unique_ptr<ColumnDecoder> WithTimestamp(Column column, DecoderShape shape) {
  TimestampCodec codec(shape.fields[0]->type(), column.scale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
std::unique_ptr<ColumnDecoder> WithTimestampOffset(Column column, DecoderShape shape) {
  TimestampOffsetCodec codec(shape.fields[0]->type(), column.scale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
std::unique_ptr<ColumnDecoder> WithTime(Column column, DecoderShape shape) {
  return MakeDecoder(std::move(shape), TimeCodec(column.scale));
}

constexpr auto kWithTinyInt = With<NumberCodec<uint8_t, arrow::Int16Builder>>;
constexpr auto kWithSmallInt = With<NumberCodec<int16_t, arrow::Int16Builder>>;
constexpr auto kWithInt = With<NumberCodec<int32_t, arrow::Int32Builder>>;
constexpr auto kWithBigInt = With<NumberCodec<int64_t, arrow::Int64Builder>>;
constexpr auto kWithReal = With<NumberCodec<float, arrow::FloatBuilder>>;
constexpr auto kWithFloat = With<NumberCodec<double, arrow::DoubleBuilder>>;

// Types that can become one thing only.
template <TypePtr (*kArrowType)(Column), auto kMake>
constexpr Form kOnly[] = {{"", "", kArrowType, "", kMake}};

constexpr char kSeventhDigit[] = "the 7th fractional digit is cut and counted";
constexpr char kSurrogates[] =
    "trailing blanks kept; a lone surrogate becomes U+FFFD and is counted";

constexpr Form kText[] = {{"", "", ToString, "", With<TextCodec>, kSurrogates}};
constexpr Form kDatetime2[] = {{"", "", ToLocalTimestamp, "", WithTimestamp, kSeventhDigit}};
constexpr Form kDatetimeOffset[] = {
    {"", "", ToUtcTimestamp, "", WithTimestampOffset, kSeventhDigit, "__offset", ToInt16}};
constexpr Form kUniqueIdentifier[] = {
    {"", "", ToString, "plain", With<UniqueIdentifierCodec>, "upper case"}};
constexpr Form kVariant[] = {
    {"", "", ToString, "", With<VariantCodec>, "the exact text of the value", "__type", ToString}};
constexpr char kNative[] = "SQL Server's own serialisation";
constexpr Form kClr[] = {{"", "", ToBinary, "", With<BinaryCodec>, kNative}};

// clang-format off
constexpr SqlType kSqlTypes[] = {
    {"bit",              Arguments::kNone,              CType::kBit,       Fixed<1>,      kOnly<ToBoolean, With<BitCodec>>},
    {"tinyint",          Arguments::kNone,              CType::kUTinyInt,  Fixed<1>,      kOnly<ToInt16, kWithTinyInt>},
    {"smallint",         Arguments::kNone,              CType::kShort,     Fixed<2>,      kOnly<ToInt16, kWithSmallInt>},
    {"int",              Arguments::kNone,              CType::kLong,      Fixed<4>,      kOnly<ToInt32, kWithInt>},
    {"bigint",           Arguments::kNone,              CType::kBigInt,    Fixed<8>,      kOnly<ToInt64, kWithBigInt>},
    {"real",             Arguments::kNone,              CType::kFloat,     Fixed<4>,      kOnly<ToFloat, kWithReal>},
    {"float",            Arguments::kNone,              CType::kDouble,    Fixed<8>,      kOnly<ToDouble, kWithFloat>},
    {"decimal",          Arguments::kPrecisionAndScale, CType::kBinary,    Fixed<19>,     kOnly<ToDecimal, WithDecimal>},
    {"numeric",          Arguments::kPrecisionAndScale, CType::kBinary,    Fixed<19>,     kOnly<ToDecimal, WithDecimal>},
    {"money",            Arguments::kNone,              CType::kBinary,    Fixed<8>,      kOnly<ToMoney, With<MoneyCodec>>},
    {"smallmoney",       Arguments::kNone,              CType::kBinary,    Fixed<4>,      kOnly<ToSmallMoney, With<SmallMoneyCodec>>},
    {"date",             Arguments::kNone,              CType::kDate,      Fixed<6>,      kOnly<ToDate, With<DateCodec>>},
    {"datetime",         Arguments::kNone,              CType::kTimestamp, Fixed<16>,     kOnly<ToLocalTimestamp, WithTimestampOfScale<3>>},
    {"smalldatetime",    Arguments::kNone,              CType::kTimestamp, Fixed<16>,     kOnly<ToLocalTimestamp, WithTimestampOfScale<0>>},
    {"datetime2",        Arguments::kScale,             CType::kTimestamp, Fixed<16>,     kDatetime2},
    {"datetimeoffset",   Arguments::kScale,             CType::kBinary,    Fixed<20>,     kDatetimeOffset},
    {"time",             Arguments::kScale,             CType::kBinary,    Fixed<12>,     kOnly<ToString, WithTime>},
    {"char",             Arguments::kBytes,             CType::kBinary,    DecodedLength, kText, ReadAs::kUtf16},
    {"varchar",          Arguments::kBytes,             CType::kBinary,    DecodedLength, kText, ReadAs::kUtf16},
    {"text",             Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText},
    {"nchar",            Arguments::kUtf16Units,        CType::kBinary,    Length,        kText},
    {"nvarchar",         Arguments::kUtf16Units,        CType::kBinary,    Length,        kText},
    {"ntext",            Arguments::kNone,              CType::kBinary,    Max,           kText},
    {"xml",              Arguments::kNone,              CType::kWideChar,  Max,           kText},
    {"json",             Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText},
    {"vector",           Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText},
    {"binary",           Arguments::kBytes,             CType::kBinary,    Length,        kOnly<ToBinary, With<BinaryCodec>>},
    {"varbinary",        Arguments::kBytes,             CType::kBinary,    Length,        kOnly<ToBinary, With<BinaryCodec>>},
    {"image",            Arguments::kNone,              CType::kBinary,    Max,           kOnly<ToBinary, With<BinaryCodec>>},
    {"timestamp",        Arguments::kNone,              CType::kBinary,    Fixed<8>,      kOnly<ToBinary, With<BinaryCodec>>},
    {"rowversion",       Arguments::kNone,              CType::kBinary,    Fixed<8>,      kOnly<ToBinary, With<BinaryCodec>>},
    {"uniqueidentifier", Arguments::kNone,              CType::kBinary,    Fixed<16>,     kUniqueIdentifier},
    {"sql_variant",      Arguments::kNone,              CType::kBinary,    Max,           kVariant, ReadAs::kVariantText},
    {"hierarchyid",      Arguments::kNone,              CType::kBinary,    Length,        kClr},
    {"geometry",         Arguments::kNone,              CType::kBinary,    Length,        kClr},
    {"geography",        Arguments::kNone,              CType::kBinary,    Length,        kClr},
    {"",                 Arguments::kNone,              CType::kBinary,    Max,           kClr},
};
// clang-format on

}  // namespace

std::span<const SqlType> SqlTypes() { return kSqlTypes; }

const SqlType* FindSqlType(const SourceColumn& column) {
  const auto* found = std::ranges::find(kSqlTypes, column.type_name, &SqlType::name);
  if (found != std::end(kSqlTypes) && !found->name.empty()) return found;
  return column.is_clr ? std::prev(std::end(kSqlTypes)) : nullptr;
}

const Form& FormOf(const SqlType& type, const ColumnOptions& options) {
  if (type.forms.size() > 1) {
    const auto words = WordsOf(options);
    for (const Form& form : type.forms.subspan(1)) {
      if (words.at(std::string(form.option)) == form.word) return form;
    }
  }
  return type.forms.front();
}

ReadAs ReadAsOf(const SourceColumn& column) {
  const SqlType* type = FindSqlType(column);
  return type == nullptr ? ReadAs::kItself : type->read_as;
}

}  // namespace cdc::columns

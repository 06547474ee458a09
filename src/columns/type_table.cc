#include "columns/type_table.h"

#include <algorithm>

#include "columns/bytes_codecs.h"
#include "columns/number_codecs.h"
#include "columns/time_codecs.h"

// One row per SQL type, and nothing about a type anywhere else. Bindings are those for which both
// drivers were measured to give the same bytes. Arrow types are those that every common reader of
// Parquet takes: no unsigned integers, no TIME, no UUID, no nanoseconds.

namespace cdc::columns {
namespace {

using odbc::CType;
using Column = const SourceColumn&;
using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr int64_t kFirstSlotOfMaxTypes = 4096;

// Slots: of fixed size, of the column's length in bytes, and for decoded text two bytes for each
// byte of the code page (a UTF-16 unit never comes from less) and a NUL.
template <int64_t kBytes>
int64_t Fixed(Column) {
  return kBytes;
}
int64_t Length(Column column) {
  return column.max_length_bytes < 0 ? kFirstSlotOfMaxTypes : column.max_length_bytes;
}
int64_t DecodedLength(Column column) {
  return column.max_length_bytes < 0 ? kFirstSlotOfMaxTypes
                                     : 2 * int64_t{column.max_length_bytes} + 2;
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

// clang-format off
constexpr SqlType kSqlTypes[] = {
    {"bit",              Arguments::kNone,              CType::kBit,       Fixed<1>,      ToBoolean,        "",      With<BitCodec>},
    {"tinyint",          Arguments::kNone,              CType::kUTinyInt,  Fixed<1>,      ToInt16,          "",      kWithTinyInt},
    {"smallint",         Arguments::kNone,              CType::kShort,     Fixed<2>,      ToInt16,          "",      kWithSmallInt},
    {"int",              Arguments::kNone,              CType::kLong,      Fixed<4>,      ToInt32,          "",      kWithInt},
    {"bigint",           Arguments::kNone,              CType::kBigInt,    Fixed<8>,      ToInt64,          "",      kWithBigInt},
    {"real",             Arguments::kNone,              CType::kFloat,     Fixed<4>,      ToFloat,          "",      kWithReal},
    {"float",            Arguments::kNone,              CType::kDouble,    Fixed<8>,      ToDouble,         "",      kWithFloat},
    {"decimal",          Arguments::kPrecisionAndScale, CType::kBinary,    Fixed<19>,     ToDecimal,        "",      WithDecimal},
    {"numeric",          Arguments::kPrecisionAndScale, CType::kBinary,    Fixed<19>,     ToDecimal,        "",      WithDecimal},
    {"money",            Arguments::kNone,              CType::kBinary,    Fixed<8>,      ToMoney,          "",      With<MoneyCodec>},
    {"smallmoney",       Arguments::kNone,              CType::kBinary,    Fixed<4>,      ToSmallMoney,     "",      With<SmallMoneyCodec>},
    {"date",             Arguments::kNone,              CType::kDate,      Fixed<6>,      ToDate,           "",      With<DateCodec>},
    {"datetime",         Arguments::kNone,              CType::kTimestamp, Fixed<16>,     ToLocalTimestamp, "",      WithTimestampOfScale<3>},
    {"smalldatetime",    Arguments::kNone,              CType::kTimestamp, Fixed<16>,     ToLocalTimestamp, "",      WithTimestampOfScale<0>},
    {"datetime2",        Arguments::kScale,             CType::kTimestamp, Fixed<16>,     ToLocalTimestamp, "",      WithTimestamp},
    {"datetimeoffset",   Arguments::kScale,             CType::kBinary,    Fixed<20>,     ToUtcTimestamp,   "",      WithTimestampOffset, true},
    {"time",             Arguments::kScale,             CType::kBinary,    Fixed<12>,     ToString,         "",      WithTime},
    {"char",             Arguments::kBytes,             CType::kWideChar,  DecodedLength, ToString,         "",      With<TextCodec>},
    {"varchar",          Arguments::kBytes,             CType::kWideChar,  DecodedLength, ToString,         "",      With<TextCodec>},
    {"nchar",            Arguments::kUtf16Units,        CType::kBinary,    Length,        ToString,         "",      With<TextCodec>},
    {"nvarchar",         Arguments::kUtf16Units,        CType::kBinary,    Length,        ToString,         "",      With<TextCodec>},
    {"binary",           Arguments::kBytes,             CType::kBinary,    Length,        ToBinary,         "",      With<BinaryCodec>},
    {"varbinary",        Arguments::kBytes,             CType::kBinary,    Length,        ToBinary,         "",      With<BinaryCodec>},
    {"timestamp",        Arguments::kNone,              CType::kBinary,    Fixed<8>,      ToBinary,         "",      With<BinaryCodec>},
    {"rowversion",       Arguments::kNone,              CType::kBinary,    Fixed<8>,      ToBinary,         "",      With<BinaryCodec>},
    {"uniqueidentifier", Arguments::kNone,              CType::kBinary,    Fixed<16>,     ToString,         "plain", With<UniqueIdentifierCodec>},
    {"hierarchyid",      Arguments::kNone,              CType::kBinary,    Length,        ToBinary,         "",      With<BinaryCodec>},
    {"geometry",         Arguments::kNone,              CType::kBinary,    Length,        ToBinary,         "",      With<BinaryCodec>},
    {"geography",        Arguments::kNone,              CType::kBinary,    Length,        ToBinary,         "",      With<BinaryCodec>},
};
// clang-format on

}  // namespace

const SqlType* FindSqlType(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSqlTypes), std::end(kSqlTypes),
                                   [&](const SqlType& type) { return type.name == name; });
  return found == std::end(kSqlTypes) ? nullptr : found;
}

}  // namespace cdc::columns

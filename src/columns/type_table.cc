#include "columns/type_table.h"

#include <arrow/extension/uuid.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "columns/bytes_codecs.h"
#include "columns/clr_codecs.h"
#include "columns/number_codecs.h"
#include "columns/time_codecs.h"
#include "columns/variant_codec.h"

// The options of how values are written, and one row per SQL type, with nothing about a type
// anywhere else. Bindings are those for which both drivers were measured to give the same bytes.
// Text of a code page is decoded by the server alone: both drivers join letters and accents of 1255
// and 1258, and give "?" for bytes to which Windows gives a character and iconv none (81 in 1252,
// the euro's 80 in 936). The Arrow types of default forms are those that every common reader of
// Parquet takes: no unsigned integers, no TIME, no UUID, no nanoseconds.

namespace cdc::columns {
namespace {

using odbc::CType;
using Column = const SourceColumn&;
using TypePtr = ArrowTypePtr;

// Every option of how values are written, each with its words, the default first.
constexpr std::string_view kDatetime2Words[] = {"micros", "nanos", "string"};
constexpr std::string_view kDatetimeoffsetWords[] = {"utc+offset", "utc", "string"};
constexpr std::string_view kTimeWords[] = {"string", "time"};
constexpr std::string_view kUniqueidentifierWords[] = {"string", "uuid"};
constexpr std::string_view kHierarchyidWords[] = {"binary", "path"};
constexpr std::string_view kSpatialWords[] = {"binary", "wkb"};
constexpr std::string_view kBinaryWords[] = {"bytes", "hex"};
constexpr std::string_view kTimestampsWords[] = {"micros", "millis"};
constexpr std::string_view kMaskWords[] = {"none", "hash", "null"};
constexpr std::string_view kLsnWords[] = {"hex", "bytes"};

constexpr OptionKey kOptionKeys[] = {
    {"datetime2", OptionScope::kColumn, kDatetime2Words, "micros",
     "datetime2: microseconds (a 7th fractional digit is cut and counted), nanoseconds (1677 to "
     "2262 only), or text"},
    {"datetimeoffset", OptionScope::kColumn, kDatetimeoffsetWords, "utc+offset",
     "datetimeoffset: the instant and a column <name>__offset, the instant alone, or text"},
    {"time", OptionScope::kColumn, kTimeWords, "string",
     "time: text, or Parquet's TIME in microseconds (Spark reads none)"},
    {"uniqueidentifier", OptionScope::kColumn, kUniqueidentifierWords, "string",
     "uniqueidentifier: text, or Parquet's UUID (Spark refuses it)"},
    {"hierarchyid", OptionScope::kColumn, kHierarchyidWords, "binary",
     "hierarchyid: its bytes, or the path as text: /1/3.1/"},
    {"spatial", OptionScope::kColumn, kSpatialWords, "binary",
     "geometry and geography: SQL Server's own bytes, or WKB and a column <name>__srid"},
    {"binary", OptionScope::kColumn, kBinaryWords, "bytes",
     "binary, varbinary, image, rowversion: bytes, or hex digits as text"},
    {"timestamps", OptionScope::kColumn, kTimestampsWords, "micros",
     "the unit of all timestamps that are not nanos; finer digits are cut and counted"},
    {"mask", OptionScope::kColumn, kMaskWords, "none",
     "personal data: a keyed SHA-256 as text (same value, same token), or always NULL"},
    {"lsn", OptionScope::kTable, kLsnWords, "hex",
     "LSNs in CDC's own columns: 20 hex digits as text, or 10 bytes"},
    {"meta_prefix",
     OptionScope::kTable,
     {},
     "__$",
     "what the names of CDC's own columns begin with (some engines refuse $)"},
};

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
arrow::TimeUnit::type UnitOf(Column column) {
  return column.options.Is("timestamps", "millis") ? arrow::TimeUnit::MILLI
                                                   : arrow::TimeUnit::MICRO;
}
TypePtr ToLocalTimestamp(Column column) { return arrow::timestamp(UnitOf(column)); }
TypePtr ToUtcTimestamp(Column column) { return arrow::timestamp(UnitOf(column), "UTC"); }
TypePtr ToNanos(Column) { return arrow::timestamp(arrow::TimeUnit::NANO); }
TypePtr ToTime(Column) { return arrow::time64(arrow::TimeUnit::MICRO); }
TypePtr ToUuid(Column) { return arrow::extension::uuid(); }
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
constexpr int kItsScale = -1;  // the column's
template <int kScale = kItsScale>
int ScaleOf(Column column) {
  return kScale == kItsScale ? column.scale : kScale;
}
// Codecs of timestamps take the unit that the column's options say.
template <template <int64_t> typename Codec, int kScale = kItsScale>
std::unique_ptr<ColumnDecoder> InItsUnit(Column column, DecoderShape shape) {
  const TypePtr type = shape.fields[0]->type();
  const int scale = ScaleOf<kScale>(column);
  return UnitOf(column) == arrow::TimeUnit::MILLI
             ? MakeDecoder(std::move(shape), Codec<kMillis>(type, scale))
             : MakeDecoder(std::move(shape), Codec<kMicros>(type, scale));
}
template <int64_t kUnits>
using OffsetCodec = TimestampOffsetCodec<kUnits, true>;
template <int64_t kUnits>
using UtcCodec = TimestampOffsetCodec<kUnits, false>;

template <typename Codec, int kScale = kItsScale>
std::unique_ptr<ColumnDecoder> OfScale(Column column, DecoderShape shape) {
  return MakeDecoder(std::move(shape), Codec(ScaleOf<kScale>(column)));
}
template <typename Codec>
std::unique_ptr<ColumnDecoder> OfTypeAndScale(Column column, DecoderShape shape) {
  Codec codec(shape.fields[0]->type(), column.scale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
template <bool kGeography>
std::unique_ptr<ColumnDecoder> WithWkb(Column, DecoderShape shape) {
  return MakeDecoder(std::move(shape), WkbCodec(kGeography));
}

constexpr auto kWithTinyInt = With<NumberCodec<uint8_t, arrow::Int16Builder>>;
constexpr auto kWithSmallInt = With<NumberCodec<int16_t, arrow::Int16Builder>>;
constexpr auto kWithInt = With<NumberCodec<int32_t, arrow::Int32Builder>>;
constexpr auto kWithBigInt = With<NumberCodec<int64_t, arrow::Int64Builder>>;
constexpr auto kWithReal = With<NumberCodec<float, arrow::FloatBuilder>>;
constexpr auto kWithFloat = With<NumberCodec<double, arrow::DoubleBuilder>>;

constexpr SecondField kOffset = {"__offset", "the offset", ToInt16};
constexpr SecondField kSrid = {"__srid", "the SRID", ToInt32};
constexpr SecondField kType = {"__type", "the type", ToString};

// Types that can become one thing only.
template <TypePtr (*kArrowType)(Column), auto kMake>
constexpr Form kOnly[] = {{"", "", kArrowType, kMake}};

constexpr char kSeventhDigit[] = "the 7th fractional digit is cut and counted";
constexpr char kFinerThanMillis[] = "digits finer than milliseconds are cut and counted";
constexpr char kSurrogates[] =
    "trailing blanks kept; a lone surrogate becomes U+FFFD and is counted";
constexpr char kNative[] = "SQL Server's own serialisation";
constexpr char kHexDigits[] = "hex digits, upper case, without 0x";

constexpr Form kText[] = {{"", "", ToString, With<TextCodec>, kSurrogates}};
template <int kScale>
constexpr Form kDatetime[] = {
    {"", "", ToLocalTimestamp, InItsUnit<TimestampCodec, kScale>},
    {"timestamps", "millis", ToLocalTimestamp, InItsUnit<TimestampCodec, kScale>},
};
constexpr Form kDatetime2[] = {
    {"", "", ToLocalTimestamp, InItsUnit<TimestampCodec>, kSeventhDigit},
    {"datetime2", "nanos", ToNanos, OfTypeAndScale<TimestampCodec<kNanos>>,
     "1677-09-21 to 2262-04-11 only; Spark refuses it"},
    {"datetime2", "string", ToString, OfScale<TimestampTextCodec>,
     "YYYY-MM-DD hh:mm:ss.fffffff to its scale"},
    {"timestamps", "millis", ToLocalTimestamp, InItsUnit<TimestampCodec>, kFinerThanMillis},
};
constexpr Form kDatetimeOffset[] = {
    {"", "", ToUtcTimestamp, InItsUnit<OffsetCodec>, kSeventhDigit, kOffset},
    {"datetimeoffset", "utc", ToUtcTimestamp, InItsUnit<UtcCodec>,
     "the instant alone; the 7th fractional digit is cut and counted"},
    {"datetimeoffset", "string", ToString, OfScale<TimestampOffsetTextCodec>,
     "YYYY-MM-DD hh:mm:ss.fffffff +hh:mm to its scale"},
    {"timestamps", "millis", ToUtcTimestamp, InItsUnit<OffsetCodec>, kFinerThanMillis, kOffset},
};
constexpr Form kTime[] = {
    {"", "", ToString, OfScale<TimeCodec>, "hh:mm:ss.fffffff to its scale"},
    {"time", "time", ToTime, OfTypeAndScale<TimeMicrosCodec>, kSeventhDigit},
};
constexpr Form kUniqueIdentifier[] = {
    {"", "", ToString, With<UniqueIdentifierCodec>, "upper case"},
    {"uniqueidentifier", "uuid", ToUuid, With<UuidCodec>, "Spark refuses it"},
};
constexpr Form kVariant[] = {
    {"", "", ToString, With<VariantCodec>, "the exact text of the value", kType}};
constexpr Form kBytes[] = {
    {"", "", ToBinary, With<BinaryCodec>},
    {"binary", "hex", ToString, With<HexCodec>, kHexDigits},
};
constexpr Form kHierarchyId[] = {
    {"", "", ToBinary, With<BinaryCodec>, kNative},
    {"hierarchyid", "path", ToString, With<HierarchyPathCodec>, "/1/3.1/"},
};
template <bool kGeography>
constexpr Form kSpatial[] = {
    {"", "", ToBinary, With<BinaryCodec>, kNative},
    {"spatial", "wkb", ToBinary, WithWkb<kGeography>, "ISO WKB; curves are refused", kSrid,
     kGeography ? "spherical" : "planar"},
};
constexpr Form kClr[] = {{"", "", ToBinary, With<BinaryCodec>, kNative}};

// What a masked clock's token is made of: the text, whatever form its options choose.
template <typename Codec, int kScale = kItsScale>
constexpr Form kClockText = {"", "", ToString, OfScale<Codec, kScale>};

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
    {"datetime",         Arguments::kNone,              CType::kTimestamp, Fixed<16>,     kDatetime<3>, ReadAs::kItself, Token::kClock, &kClockText<TimestampTextCodec, 3>},
    {"smalldatetime",    Arguments::kNone,              CType::kTimestamp, Fixed<16>,     kDatetime<0>, ReadAs::kItself, Token::kClock, &kClockText<TimestampTextCodec, 0>},
    {"datetime2",        Arguments::kScale,             CType::kTimestamp, Fixed<16>,     kDatetime2, ReadAs::kItself, Token::kClock, &kClockText<TimestampTextCodec>, BoundAs::kItself, "datetime2 = \"nanos\" or \"string\""},
    {"datetimeoffset",   Arguments::kScale,             CType::kBinary,    Fixed<20>,     kDatetimeOffset, ReadAs::kItself, Token::kClock, &kClockText<TimestampOffsetTextCodec>, BoundAs::kItself, "datetimeoffset = \"string\""},
    {"time",             Arguments::kScale,             CType::kBinary,    Fixed<12>,     kTime, ReadAs::kItself, Token::kClock, nullptr, BoundAs::kItself, "time = \"string\""},
    {"char",             Arguments::kBytes,             CType::kBinary,    DecodedLength, kText, ReadAs::kUtf16, Token::kValue, nullptr, BoundAs::kCodePageText},
    {"varchar",          Arguments::kBytes,             CType::kBinary,    DecodedLength, kText, ReadAs::kUtf16, Token::kValue, nullptr, BoundAs::kCodePageText},
    {"text",             Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText, Token::kValue, nullptr, BoundAs::kCodePageText},
    {"nchar",            Arguments::kUtf16Units,        CType::kBinary,    Length,        kText},
    {"nvarchar",         Arguments::kUtf16Units,        CType::kBinary,    Length,        kText},
    {"ntext",            Arguments::kNone,              CType::kBinary,    Max,           kText},
    {"xml",              Arguments::kNone,              CType::kWideChar,  Max,           kText},
    {"json",             Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText},
    {"vector",           Arguments::kNone,              CType::kBinary,    Max,           kText, ReadAs::kText, Token::kValue, nullptr, BoundAs::kShortText},
    {"binary",           Arguments::kBytes,             CType::kBinary,    Length,        kBytes},
    {"varbinary",        Arguments::kBytes,             CType::kBinary,    Length,        kBytes},
    {"image",            Arguments::kNone,              CType::kBinary,    Max,           kBytes},
    {"timestamp",        Arguments::kNone,              CType::kBinary,    Fixed<8>,      kBytes},
    {"rowversion",       Arguments::kNone,              CType::kBinary,    Fixed<8>,      kBytes},
    {"uniqueidentifier", Arguments::kNone,              CType::kBinary,    Fixed<16>,     kUniqueIdentifier},
    {"sql_variant",      Arguments::kNone,              CType::kBinary,    Max,           kVariant, ReadAs::kVariantText, Token::kVariant, nullptr, BoundAs::kShortText},
    {"hierarchyid",      Arguments::kNone,              CType::kBinary,    Length,        kHierarchyId},
    {"geometry",         Arguments::kNone,              CType::kBinary,    Length,        kSpatial<false>},
    {"geography",        Arguments::kNone,              CType::kBinary,    Length,        kSpatial<true>},
    {"",                 Arguments::kNone,              CType::kBinary,    Max,           kClr},
};
// clang-format on

// CLR types are the last ones.
const SqlType* FirstClrType() {
  return std::ranges::find(kSqlTypes, std::string_view("hierarchyid"), &SqlType::name);
}

}  // namespace

std::span<const OptionKey> OptionKeys() { return kOptionKeys; }

std::span<const SqlType> SqlTypes() { return kSqlTypes; }

// Somebody's own CLR type may have the name of a type that is none: vector, json.
const SqlType* FindSqlType(const SourceColumn& column) {
  const auto* first = column.is_clr ? FirstClrType() : std::begin(kSqlTypes);
  const auto* own = std::prev(std::end(kSqlTypes));
  const auto* found = std::ranges::find(first, own, column.type_name, &SqlType::name);
  return found != own || column.is_clr ? found : nullptr;
}

const Form& FormOf(const SqlType& type, const Options& options) {
  const auto others = type.forms.subspan(1);
  const auto chosen = std::ranges::find_if(
      others, [&](const Form& form) { return options.Is(form.option, form.word); });
  return chosen == others.end() ? type.forms.front() : *chosen;
}

const Form& TokenFormOf(const SqlType& type) {
  return type.token_form == nullptr ? type.forms.front() : *type.token_form;
}

ReadAs ReadAsOf(const SourceColumn& column) {
  if (column.options.Is("mask", "null")) return ReadAs::kNothing;
  const SqlType* type = FindSqlType(column);
  return type == nullptr ? ReadAs::kItself : type->read_as;
}

}  // namespace cdc::columns

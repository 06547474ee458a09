#pragma once

#include <arrow/type.h>

#include <memory>
#include <span>
#include <string_view>

#include "columns/codec_decoder.h"
#include "columns/column.h"

namespace cdc::columns {

// How a type's name is completed in SQL.
enum class Arguments { kNone, kBytes, kUtf16Units, kPrecisionAndScale, kScale };

// What a column is called in the SELECT that reads it.
enum class ReadAs {
  kItself,
  kUtf16,        // CONVERT(nvarchar(n), …): text of a code page, decoded by the server
  kText,         // CONVERT(nvarchar(max), …): a form that does not depend on the driver
  kVariantText,  // base type and value as variant_text.h reads them
  kNothing,      // NULL: a masked value does not leave the server
};

struct Slot {
  int64_t bytes = 0;
  bool grows = false;  // begins small: values may be longer
};

using ArrowTypePtr = std::shared_ptr<arrow::DataType>;

// A field beside a column's own, for what that one cannot hold.
struct SecondField {
  std::string_view suffix = {};  // its name is <column><suffix>; "": there is none
  std::string_view what = {};    // for people: "the offset"
  ArrowTypePtr (*arrow_type)(const SourceColumn&) = nullptr;
};

// One way to write the values of a type. The first form of a type is the default; the others are
// what a column has whose options say so.
struct Form {
  std::string_view option;  // "datetime2"; empty: the default
  std::string_view word;    // "nanos"
  ArrowTypePtr (*arrow_type)(const SourceColumn&) = nullptr;
  std::unique_ptr<ColumnDecoder> (*make)(const SourceColumn&, DecoderShape) = nullptr;
  std::string_view note = {};  // for people: what is worth knowing of this form
  SecondField second = {};
  std::string_view geo = {};  // kGeoKey
};

// What of a value mask = "hash" makes its token (mask.h): the text or number that it is, a clock
// without the zeros that end its fraction, or what a sql_variant holds.
enum class Token { kValue, kClock, kVariant };

// What a value is bound as, where its length in the server is asked for (value_length.h).
enum class BoundAs {
  kItself,        // or as UTF-16, if that is its form in the server
  kCodePageText,  // UTF-16 for text of a code page
  kShortText,     // text that is many times as long as the value, which is at most 8,016 bytes
};

// Everything about one SQL type: how it is read, bound, decoded, and what it can become.
struct SqlType {
  std::string_view name;  // sys.types.name; empty: CLR types of somebody's own
  Arguments arguments = Arguments::kNone;
  odbc::CType c_type = odbc::CType::kBinary;
  Slot (*slot)(const SourceColumn&) = nullptr;
  std::span<const Form> forms;
  ReadAs read_as = ReadAs::kItself;
  Token token = Token::kValue;
  const Form* token_form = nullptr;  // nullptr: the default form loses nothing
  BoundAs bound_as = BoundAs::kItself;
  // For people: the setting with which all digits of a fraction are kept; "": no digit is cut.
  std::string_view keeps_fraction = {};
};

// All rows, in the order in which people read them.
std::span<const SqlType> SqlTypes();
// nullptr for a type that is not supported.
const SqlType* FindSqlType(const SourceColumn& column);
// What the column's options choose among the type's forms.
const Form& FormOf(const SqlType& type, const Options& options);
const Form& TokenFormOf(const SqlType& type);
// kItself also for a type that is not supported.
ReadAs ReadAsOf(const SourceColumn& column);

}  // namespace cdc::columns

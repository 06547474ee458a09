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

// One way to write the values of a type. The first form of a type is the default; the others are
// what a column has whose options say so.
struct Form {
  std::string_view option;  // "datetime2"; empty: the default
  std::string_view word;    // "nanos"
  ArrowTypePtr (*arrow_type)(const SourceColumn&) = nullptr;
  std::string_view encoding;  // kEncodingKey; empty: dictionary
  std::unique_ptr<ColumnDecoder> (*make)(const SourceColumn&, DecoderShape) = nullptr;
  std::string_view note = {};           // for people: what is worth knowing of this form
  std::string_view second_suffix = {};  // a second field, <column><suffix>
  ArrowTypePtr (*second_type)(const SourceColumn&) = nullptr;
  std::string_view geo = {};  // kGeoKey
};

// What of a value mask = "hash" makes its token (mask.h): the text or number that it is, a clock
// without the zeros that end its fraction, or what a sql_variant holds.
enum class Token { kValue, kClock, kVariant };

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
};

// All rows, in the order in which people read them.
std::span<const SqlType> SqlTypes();
// nullptr for a type that is not supported.
const SqlType* FindSqlType(const SourceColumn& column);
// What the column's options choose among the type's forms.
const Form& FormOf(const SqlType& type, const ColumnOptions& options);
const Form& TokenFormOf(const SqlType& type);
// kItself also for a type that is not supported.
ReadAs ReadAsOf(const SourceColumn& column);

}  // namespace cdc::columns

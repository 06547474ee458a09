#include "columns/altered.h"

namespace cdc::columns {

namespace {

constexpr int kMicrosScale = 6;

// Of a type with a scale, whose option `word_that_keeps` names.
Alteration OfFraction(const SourceColumn& column, const std::string& word_that_keeps) {
  if (column.options.timestamps == Timestamps::kMicros) {
    return {"the 7th fractional digit", word_that_keeps};
  }
  return {"the digits finer than milliseconds",
          column.scale > kMicrosScale ? word_that_keeps : "timestamps = \"micros\""};
}

}  // namespace

Alteration AlterationOf(const SourceColumn& column) {
  if (column.type_name == "datetime2") {
    return OfFraction(column, "datetime2 = \"nanos\" or \"string\"");
  }
  if (column.type_name == "datetimeoffset") {
    return OfFraction(column, "datetimeoffset = \"string\"");
  }
  if (column.type_name == "time") return {"the 7th fractional digit", "time = \"string\""};
  return {"lone surrogates (halves of a UTF-16 pair), now U+FFFD",
          "nothing: UTF-8 cannot hold them; the rest of the text is kept"};
}

}  // namespace cdc::columns

#include "columns/altered.h"

#include <algorithm>

#include "columns/type_table.h"

namespace cdc::columns {

namespace {

constexpr int kMicrosScale = 6;

// Of a type whose fraction can be cut.
Alteration OfFraction(const SourceColumn& column, const SqlType& type) {
  const std::string keeps(type.keeps_fraction);
  const bool has_unit = std::ranges::find(type.forms, std::string_view("timestamps"),
                                          &Form::option) != type.forms.end();
  if (!has_unit || column.options.Is("timestamps", "micros")) {
    return {"the 7th fractional digit", keeps};
  }
  return {"the digits finer than milliseconds",
          column.scale > kMicrosScale ? keeps : "timestamps = \"micros\""};
}

}  // namespace

Alteration AlterationOf(const SourceColumn& column) {
  const SqlType* type = FindSqlType(column);
  if (type != nullptr && !type->keeps_fraction.empty()) return OfFraction(column, *type);
  return {"lone surrogates (halves of a UTF-16 pair), now U+FFFD",
          "nothing: UTF-8 cannot hold them; the rest of the text is kept"};
}

}  // namespace cdc::columns

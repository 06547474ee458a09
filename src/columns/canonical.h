#pragma once

#include <arrow/array.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "columns/type_table.h"

namespace cdc::columns {

// The canonical form of a value, as mask.h defines it, of what a decoder made of a column: one
// array, or a sql_variant's values and types. The value is not NULL. `text` is reused between
// calls; the view is of it or of the array.
std::string_view CanonicalForm(Token token, const arrow::ArrayVector& arrays, int64_t row,
                               std::string* text);

}  // namespace cdc::columns

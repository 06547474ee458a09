#include "columns/value_length.h"

#include <algorithm>
#include <string_view>

#include "columns/type_table.h"
#include "odbc/utf16.h"

namespace cdc::columns {
namespace {

bool IsUtf8(std::string_view collation) { return collation.ends_with("_UTF8"); }

// Collations of code pages 932, 936, 949 and 950 (sys.fn_helpcollations; Microsoft's "Windows
// Collation Name").
bool IsDoubleByte(std::string_view collation) {
  constexpr std::string_view kFamilies[] = {"Chinese_", "Japanese_", "Korean_"};
  return std::ranges::any_of(
      kFamilies, [&](std::string_view family) { return collation.starts_with(family); });
}

// Their longest texts: 0x and 16,000 digits of a varbinary(8000); 3,996 half-precision numbers of a
// vector with 16 characters each, a comma among them. UTF-16.
constexpr int64_t kBytesOfShortText = 128 << 10;

}  // namespace

ValueLength::ValueLength(const SourceColumn& column) {
  const SqlType* type = FindSqlType(column);
  if (type == nullptr) return;
  if (type->bound_as == BoundAs::kShortText) bound_min_ = kBytesOfShortText;
  if (type->bound_as != BoundAs::kCodePageText) return;
  measure_ = IsUtf8(column.collation)         ? Measure::kUtf8
             : IsDoubleByte(column.collation) ? Measure::kDoubleByte
                                              : Measure::kUnits;
}

int64_t ValueLength::Of(const uint8_t* cell, int64_t length) const {
  const auto units = static_cast<size_t>(length / 2);
  switch (measure_) {
    case Measure::kAsBound:
      return length;
    case Measure::kUnits:
      break;
    case Measure::kUtf8:
      return static_cast<int64_t>(odbc::Utf8Bytes(cell, units));
    case Measure::kDoubleByte:
      return static_cast<int64_t>(units + odbc::UnitsOutsideAscii(cell, units));
  }
  return static_cast<int64_t>(units);
}

}  // namespace cdc::columns

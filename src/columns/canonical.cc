#include "columns/canonical.h"

#include <arrow/util/decimal.h>
#include <arrow/util/logging.h>

#include <charconv>
#include <chrono>
#include <concepts>

#include "columns/time_text.h"

namespace cdc::columns {
namespace {

template <std::integral Number>
std::string_view NumberText(Number number, std::string* text) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  text->assign(digits, end);
  return *text;
}

// As a decimal has it: no exponent, and no minus before zero.
template <std::floating_point Number>
std::string_view NumberText(Number number, std::string* text) {
  char digits[512];  // the least double has 326
  if (number == 0) number = 0;
  const auto [end, error] =
      std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed);
  ARROW_CHECK(error == std::errc());
  text->assign(digits, end);
  return *text;
}

template <std::floating_point Number>
std::string_view NumberText(std::string_view shortest, std::string* text) {
  Number number = 0;
  std::from_chars(shortest.data(), shortest.data() + shortest.size(), number);
  return NumberText(number, text);
}

// "10.50" to "10.5", "10.00" to "10"; `end`: where the fraction ends.
std::string_view WithoutEndingZeros(std::string_view number, size_t end, std::string* text) {
  const size_t point = number.substr(0, end).find('.');
  if (point == std::string_view::npos) return number;
  size_t kept = number.substr(0, end).find_last_not_of('0') + 1;
  if (kept == point + 1) kept = point;
  text->assign(number.substr(0, kept)).append(number.substr(end));
  return *text;
}

// A clock's fraction ends with the text or before the blank of an offset.
std::string_view ClockText(std::string_view clock, std::string* text) {
  const size_t point = clock.find('.');
  if (point == std::string_view::npos) return clock;
  return WithoutEndingZeros(clock, std::min(clock.find(' ', point), clock.size()), text);
}

std::string_view DecimalText(const arrow::Decimal128& value, int32_t scale, std::string* text) {
  std::string digits = arrow::Decimal128(arrow::Decimal128::Abs(value)).ToIntegerString();
  const auto fraction = static_cast<size_t>(scale);
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  if (value < 0) digits.insert(0, "-");
  if (fraction == 0) {
    *text = digits;
    return *text;
  }
  digits.insert(digits.size() - fraction, ".");
  return WithoutEndingZeros(digits, digits.size(), text);
}

std::string_view DateText(int32_t days, std::string* text) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  text->resize(kDateTextBytes);
  PutDate(static_cast<unsigned>(static_cast<int>(date.year())), static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()), text->data());
  return *text;
}

std::string_view BytesOfHex(std::string_view hex, std::string* text) {
  text->clear();
  for (size_t i = 2; i + 1 < hex.size(); i += 2) {  // behind "0x"
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    text->push_back(static_cast<char>(byte));
  }
  return *text;
}

std::string_view VariantForm(std::string_view value, std::string_view type, std::string* text) {
  const std::string_view base = type.substr(0, type.find('('));
  if (base == "decimal" || base == "numeric" || base == "money" || base == "smallmoney") {
    return WithoutEndingZeros(value, value.size(), text);
  }
  if (base == "time" || base.starts_with("datetime") || base == "smalldatetime") {
    return ClockText(value, text);
  }
  if (base == "binary" || base == "varbinary") return BytesOfHex(value, text);
  if (base == "float") return NumberText<double>(value, text);
  if (base == "real") return NumberText<float>(value, text);
  return value;
}

template <typename ArrayType>
auto ValueOf(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).GetView(row);
}

}  // namespace

std::string_view CanonicalForm(Token token, const arrow::ArrayVector& arrays, int64_t row,
                               std::string* text) {
  const arrow::Array& array = *arrays[0];
  switch (array.type_id()) {
    case arrow::Type::STRING: {
      const auto value = ValueOf<arrow::StringArray>(array, row);
      if (token == Token::kVariant) {
        return VariantForm(value, ValueOf<arrow::StringArray>(*arrays[1], row), text);
      }
      return token == Token::kClock ? ClockText(value, text) : value;
    }
    case arrow::Type::BINARY:
      return ValueOf<arrow::BinaryArray>(array, row);
    case arrow::Type::BOOL:
      return ValueOf<arrow::BooleanArray>(array, row) ? "1" : "0";
    case arrow::Type::INT16:
      return NumberText(ValueOf<arrow::Int16Array>(array, row), text);
    case arrow::Type::INT32:
      return NumberText(ValueOf<arrow::Int32Array>(array, row), text);
    case arrow::Type::INT64:
      return NumberText(ValueOf<arrow::Int64Array>(array, row), text);
    case arrow::Type::FLOAT:
      return NumberText(ValueOf<arrow::FloatArray>(array, row), text);
    case arrow::Type::DOUBLE:
      return NumberText(ValueOf<arrow::DoubleArray>(array, row), text);
    case arrow::Type::DATE32:
      return DateText(ValueOf<arrow::Date32Array>(array, row), text);
    case arrow::Type::DECIMAL128: {
      const auto& decimals = static_cast<const arrow::Decimal128Array&>(array);
      const auto& type = static_cast<const arrow::Decimal128Type&>(*decimals.type());
      return DecimalText(arrow::Decimal128(decimals.GetValue(row)), type.scale(), text);
    }
    default:
      break;
  }
  ARROW_CHECK(false) << "no canonical form of " << array.type()->ToString();
  return {};
}

}  // namespace cdc::columns

#include "columns/variant_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "columns/civil_time.h"

// Every reader below takes what is left of the text, takes a part off its front and says whether it
// was there: no part is looked for, so nothing can be skipped.

namespace cdc::columns {
namespace {

constexpr char kNoVariant[] = "a sql_variant without its base type";
constexpr char kUnknownBase[] = "a sql_variant of an unknown base type";
constexpr char kWrongArguments[] = "a sql_variant of a base type that cannot be";
constexpr char kWrongValue[] = "a sql_variant whose value is none of its base type";
constexpr int kBytesMax = 8000;  // a variant holds no (max) types

struct Arguments {
  int precision = 0;
  int scale = 0;
  int bytes = 0;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'A' && c <= 'F'); }

bool Take(char wanted, std::string_view* text) {
  if (text->empty() || text->front() != wanted) return false;
  text->remove_prefix(1);
  return true;
}

// A number without a sign of exactly so many digits.
bool TakeDigits(size_t digits, std::string_view* text, unsigned* value) {
  if (text->size() < digits || !std::all_of(text->begin(), text->begin() + digits, IsDigit)) {
    return false;
  }
  std::from_chars(text->data(), text->data() + digits, *value);
  text->remove_prefix(digits);
  return true;
}

bool TakeArgument(char end, std::string_view* text, int* value) {
  if (text->empty() || !IsDigit(text->front())) return false;  // "-0" would be a number, too
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(stop - text->data()));
  return Take(end, text);
}

// What CONVERT prints of a number: no blanks, no plus, no leading zeros, and no minus before zero.
bool IsPlainNumber(std::string_view text, int fraction_digits, int digits_max) {
  const bool negative = Take('-', &text);
  const size_t whole = std::min(text.find('.'), text.size());
  const size_t fraction = whole == text.size() ? 0 : text.size() - whole - 1;
  if (whole == 0 || fraction != static_cast<size_t>(fraction_digits)) return false;
  if (fraction == 0 && whole != text.size()) return false;
  if (whole > 1 && text[0] == '0') return false;
  const size_t counted = (text[0] == '0' ? 0 : whole) + fraction;
  if (counted > static_cast<size_t>(digits_max)) return false;
  bool zero = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == whole) continue;
    if (!IsDigit(text[i])) return false;
    zero = zero && text[i] == '0';
  }
  return !(negative && zero);
}

// Integers of so many bytes, and a money's ten-thousandths.
bool IsInRange(std::string_view digits, int bytes) {
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || stop != digits.data() + digits.size()) return false;
  if (bytes == 1) return value >= 0 && value <= UINT8_MAX;
  if (bytes == 2) return value >= INT16_MIN && value <= INT16_MAX;
  return bytes == 8 || (value >= INT32_MIN && value <= INT32_MAX);
}

// Everything below checks a value and appends it as it is to be shown.
using Reader = bool (*)(std::string_view text, const Arguments& arguments, std::string* value);

bool ReadText(std::string_view text, const Arguments&, std::string* value) {
  value->append(text);
  return true;
}

bool ReadBit(std::string_view text, const Arguments&, std::string* value) {
  value->append(text);
  return text == "0" || text == "1";
}

template <int kBytes>
bool ReadInteger(std::string_view text, const Arguments&, std::string* value) {
  value->append(text);
  return IsPlainNumber(text, 0, 19) && IsInRange(text, kBytes);
}

bool ReadDecimal(std::string_view text, const Arguments& arguments, std::string* value) {
  value->append(text);
  return IsPlainNumber(text, arguments.scale, arguments.precision);
}

template <int kBytes>
bool ReadMoney(std::string_view text, const Arguments&, std::string* value) {
  value->append(text);
  if (!IsPlainNumber(text, 4, 19)) return false;
  std::string digits(text);
  digits.erase(digits.size() - 5, 1);
  return IsInRange(digits, kBytes);
}

template <typename Float>
bool ReadFloat(std::string_view text, const Arguments&, std::string* value) {
  if (!Take('0', &text) || !Take('x', &text) || text.size() != 16 ||
      !std::ranges::all_of(text, IsHexDigit)) {
    return false;
  }
  uint64_t bits = 0;
  std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  const auto number = std::bit_cast<double>(bits);
  const auto narrow = static_cast<Float>(number);
  if (!std::isfinite(number) || std::bit_cast<uint64_t>(static_cast<double>(narrow)) != bits) {
    return false;
  }
  char shortest[32];
  const auto [end, error] = std::to_chars(shortest, shortest + sizeof shortest, narrow);
  value->append(shortest, end);
  return error == std::errc();
}

bool ReadBinary(std::string_view text, const Arguments& arguments, std::string* value) {
  value->append(text);
  if (!Take('0', &text) || !Take('x', &text)) return false;
  return text.size() % 2 == 0 && text.size() <= 2 * static_cast<size_t>(arguments.bytes) &&
         std::ranges::all_of(text, IsHexDigit);
}

bool ReadGuid(std::string_view text, const Arguments&, std::string* value) {
  value->append(text);
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHexDigit(text[i])) return false;
  }
  return true;
}

bool TakeDate(std::string_view* text, std::string* value) {
  const std::string_view whole = text->substr(0, 10);
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  const bool form = TakeDigits(4, text, &year) && Take('-', text) && TakeDigits(2, text, &month) &&
                    Take('-', text) && TakeDigits(2, text, &day);
  if (!form || !DaysOf(static_cast<int>(year), month, day).has_value()) return false;
  value->append(whole);
  return true;
}

// The fraction as it is up to `scale` digits; the server may print more, which must be zeros.
bool TakeTime(int scale, std::string_view* text, std::string* value) {
  const std::string_view whole = text->substr(0, 8);
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  const bool form = TakeDigits(2, text, &hour) && Take(':', text) && TakeDigits(2, text, &minute) &&
                    Take(':', text) && TakeDigits(2, text, &second);
  if (!form || !IsTimeOfDay(hour, minute, second, 0, 1)) return false;
  value->append(whole);
  std::string_view fraction;
  if (Take('.', text)) {
    const auto* end = std::find_if_not(text->begin(), text->end(), IsDigit);
    fraction = text->substr(0, static_cast<size_t>(end - text->begin()));
    text->remove_prefix(fraction.size());
    if (fraction.empty() || fraction.size() > 7) return false;
  }
  const auto digits = static_cast<size_t>(scale);
  if (fraction.size() < digits) return false;
  if (fraction.find_first_not_of('0', digits) != std::string_view::npos) return false;
  if (digits > 0) value->append(".").append(fraction.substr(0, digits));
  return true;
}

bool TakeOffset(std::string_view* text, std::string* value) {
  const std::string_view whole = text->substr(0, 6);
  unsigned hours = 0;
  unsigned minutes = 0;
  const bool form = (Take('+', text) || Take('-', text)) && TakeDigits(2, text, &hours) &&
                    Take(':', text) && TakeDigits(2, text, &minutes);
  if (!form || minutes > 59 || hours * 60 + minutes > kOffsetMinutesMax) return false;
  value->append(whole);
  return true;
}

bool ReadDate(std::string_view text, const Arguments&, std::string* value) {
  return TakeDate(&text, value) && text.empty();
}
bool ReadTime(std::string_view text, const Arguments& arguments, std::string* value) {
  return TakeTime(arguments.scale, &text, value) && text.empty();
}
bool TakeDatetime(int scale, std::string_view* text, std::string* value) {
  if (!TakeDate(text, value) || !Take(' ', text)) return false;
  value->append(" ");
  return TakeTime(scale, text, value);
}
bool ReadDatetime(std::string_view text, const Arguments& arguments, std::string* value) {
  return TakeDatetime(arguments.scale, &text, value) && text.empty();
}
bool ReadDatetimeOffset(std::string_view text, const Arguments& arguments, std::string* value) {
  if (!TakeDatetime(arguments.scale, &text, value) || !Take(' ', &text)) return false;
  value->append(" ");
  return TakeOffset(&text, value) && text.empty();
}

// How the base type's name is completed.
enum class Suffix { kNone, kPrecisionAndScale, kBytes, kUtf16Units, kScale, kFixedScale };

struct Base {
  std::string_view name;
  Suffix suffix;
  Reader read;
  int scale = 0;  // kFixedScale: digits of the fraction, which T-SQL does not write
};

constexpr Base kBases[] = {
    {"int", Suffix::kNone, ReadInteger<4>},
    {"nvarchar", Suffix::kUtf16Units, ReadText},
    {"varchar", Suffix::kBytes, ReadText},
    {"decimal", Suffix::kPrecisionAndScale, ReadDecimal},
    {"numeric", Suffix::kPrecisionAndScale, ReadDecimal},
    {"bigint", Suffix::kNone, ReadInteger<8>},
    {"smallint", Suffix::kNone, ReadInteger<2>},
    {"tinyint", Suffix::kNone, ReadInteger<1>},
    {"bit", Suffix::kNone, ReadBit},
    {"float", Suffix::kNone, ReadFloat<double>},
    {"real", Suffix::kNone, ReadFloat<float>},
    {"money", Suffix::kNone, ReadMoney<8>},
    {"smallmoney", Suffix::kNone, ReadMoney<4>},
    {"date", Suffix::kNone, ReadDate},
    {"time", Suffix::kScale, ReadTime},
    {"datetime", Suffix::kFixedScale, ReadDatetime, 3},
    {"smalldatetime", Suffix::kFixedScale, ReadDatetime, 0},
    {"datetime2", Suffix::kScale, ReadDatetime},
    {"datetimeoffset", Suffix::kScale, ReadDatetimeOffset},
    {"nchar", Suffix::kUtf16Units, ReadText},
    {"char", Suffix::kBytes, ReadText},
    {"binary", Suffix::kBytes, ReadBinary},
    {"varbinary", Suffix::kBytes, ReadBinary},
    {"uniqueidentifier", Suffix::kNone, ReadGuid},
};

bool AppendType(const Base& base, const Arguments& arguments, std::string* type) {
  type->assign(base.name);
  const auto out = std::back_inserter(*type);
  switch (base.suffix) {
    case Suffix::kNone:
    case Suffix::kFixedScale:
      return true;
    case Suffix::kPrecisionAndScale:
      fmt::format_to(out, "({},{})", arguments.precision, arguments.scale);
      return arguments.precision >= 1 && arguments.precision <= 38 &&
             arguments.scale <= arguments.precision;
    case Suffix::kScale:
      fmt::format_to(out, "({})", arguments.scale);
      return arguments.scale <= 7;
    case Suffix::kBytes:
      fmt::format_to(out, "({})", arguments.bytes);
      return arguments.bytes <= kBytesMax;
    case Suffix::kUtf16Units:
      fmt::format_to(out, "({})", arguments.bytes / 2);
      return arguments.bytes <= kBytesMax && arguments.bytes % 2 == 0;
  }
  return false;
}

}  // namespace

const char* ReadVariant(std::string_view text, VariantParts* parts) {
  const size_t name_end = text.find('(');
  if (name_end == std::string_view::npos) return kNoVariant;
  const auto* base = std::ranges::find(kBases, text.substr(0, name_end), &Base::name);
  if (base == std::end(kBases)) return kUnknownBase;
  parts->base = base->name;
  text.remove_prefix(name_end + 1);
  Arguments arguments;
  if (!TakeArgument(',', &text, &arguments.precision) ||
      !TakeArgument(',', &text, &arguments.scale) || !TakeArgument(')', &text, &arguments.bytes)) {
    return kNoVariant;
  }
  if (!AppendType(*base, arguments, &parts->type)) return kWrongArguments;
  if (base->suffix == Suffix::kFixedScale) arguments.scale = base->scale;
  parts->value.clear();
  return base->read(text, arguments, &parts->value) ? nullptr : kWrongValue;
}

}  // namespace cdc::columns

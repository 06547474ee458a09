// A sql_variant of any text: refused, or told without losing anything, which a second reading
// proves by making the text again from what was told. And what a server would say of any number is
// never refused.

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "columns/variant_text.h"
#include "tests/fuzz/fuzz.h"

namespace cdc::fuzz {
namespace {

using columns::ReadVariant;
using columns::VariantParts;

// "decimal(9,2,5)-0.50" as "decimal", {9, 2, 5}, "-0.50".
struct Told {
  std::string_view base;
  unsigned numbers[3];
  std::string_view value;
};

Told TakeApart(std::string_view text) {
  Told told = {};
  const size_t open = text.find('(');
  const size_t close = text.find(')');
  Require(open < close && close < text.size() + 1, "a base type with its numbers");
  told.base = text.substr(0, open);
  told.value = text.substr(close + 1);
  const char* at = text.data() + open;
  for (unsigned& number : told.numbers) {
    const auto [end, error] = std::from_chars(at + 1, text.data() + close, number);
    Require(error == std::errc(), "a number");
    at = end;
  }
  Require(at == text.data() + close, "three numbers");
  return told;
}

std::string TypeOf(const Told& told) {
  const auto [precision, scale, bytes] = told.numbers;
  const std::string base(told.base);
  if (base == "decimal" || base == "numeric")
    return fmt::format("{}({},{})", base, precision, scale);
  if (base == "nchar" || base == "nvarchar") return fmt::format("{}({})", base, bytes / 2);
  if (base.ends_with("char") || base.ends_with("binary")) return fmt::format("{}({})", base, bytes);
  if (base == "time" || base == "datetime2" || base == "datetimeoffset") {
    return fmt::format("{}({})", base, scale);
  }
  return base;
}

template <typename Number>
std::string BitsOf(std::string_view shortest) {
  Number number = 0;
  const char* end = shortest.data() + shortest.size();
  Require(std::from_chars(shortest.data(), end, number).ptr == end, "the text of a number");
  return fmt::format("0x{:016X}", std::bit_cast<uint64_t>(double{number}));
}

// A clock without its fraction's digits; those go to `fraction`.
std::string WithoutFraction(std::string_view clock, std::string* fraction) {
  const size_t point = clock.find('.');
  if (point == clock.npos) return std::string(clock);
  const size_t end = std::min(clock.find(' ', point), clock.size());
  *fraction = clock.substr(point + 1, end - point - 1);
  return std::string(clock.substr(0, point)).append(clock.substr(end));
}

void RequireSameClock(const Told& told, const std::string& shown) {
  std::string digits;
  std::string shown_digits;
  Require(WithoutFraction(told.value, &digits) == WithoutFraction(shown, &shown_digits),
          "the same clock");
  const unsigned scale = told.base == "datetime"        ? 3
                         : told.base == "smalldatetime" ? 0
                                                        : told.numbers[1];
  Require(shown_digits.size() == scale, "a fraction of the type's digits");
  Require(digits == shown_digits + std::string(digits.size() - scale, '0'), "the same fraction");
}

void RequireNothingLost(std::string_view text, const VariantParts& parts) {
  const Told told = TakeApart(text);
  Require(parts.base == told.base && parts.type == TypeOf(told), "the type that was told");
  if (told.base == "float") {
    Require(BitsOf<double>(parts.value) == told.value, "every bit of a float");
  } else if (told.base == "real") {
    Require(BitsOf<float>(parts.value) == told.value, "every bit of a real");
  } else if (told.base.find("time") != told.base.npos) {
    RequireSameClock(told, parts.value);
  } else {
    Require(parts.value == told.value, "the value that was told");
  }
}

void RequireTold(const std::string& text, const std::string& type) {
  VariantParts parts;
  Require(ReadVariant(text, &parts) == nullptr, "what a server says is taken");
  Require(parts.type == type, "the type");
  RequireNothingLost(text, parts);
}

std::string Decimal(uint64_t digits, bool negative, unsigned scale) {
  std::string text = fmt::format("{:0{}}", digits, scale + 1);
  if (scale > 0) text.insert(text.size() - scale, ".");
  return (negative && digits != 0 ? "-" : "") + text;
}

// Any eight bytes as values of several types.
void TellAsServersDo(uint64_t bits) {
  const auto number = static_cast<int64_t>(bits);
  RequireTold(fmt::format("bigint(19,0,8){}", number), "bigint");
  RequireTold(fmt::format("int(10,0,4){}", static_cast<int32_t>(bits)), "int");
  RequireTold(fmt::format("varbinary(0,0,30)0x{:016X}", bits), "varbinary(30)");
  const uint64_t size = number < 0 ? 0 - bits : bits;
  RequireTold("money(19,4,8)" + Decimal(size, number < 0, 4), "money");
  for (const unsigned scale : {0U, 1U, 19U, 38U}) {
    RequireTold(fmt::format("decimal(38,{},17){}", scale, Decimal(size, number < 0, scale)),
                fmt::format("decimal(38,{})", scale));
  }
  const auto wide = std::bit_cast<double>(bits);
  const auto narrow = std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (std::isfinite(wide)) RequireTold(fmt::format("float(53,0,8)0x{:016X}", bits), "float");
  if (std::isfinite(narrow)) {
    RequireTold(fmt::format("real(24,0,4)0x{:016X}", std::bit_cast<uint64_t>(double{narrow})),
                "real");
  }
}

}  // namespace
}  // namespace cdc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  cdc::columns::VariantParts parts;
  if (cdc::columns::ReadVariant(text, &parts) == nullptr) {
    cdc::fuzz::RequireNothingLost(text, parts);
  }
  uint64_t bits = 0;
  std::memcpy(&bits, data, std::min(size, sizeof bits));
  cdc::fuzz::TellAsServersDo(bits);
  return 0;
}

#include "columns/type_change.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "columns/options.h"
#include "columns/parquet_forms.h"

// Which types readers merge. Measured, value for value, by tests/e2e/test_type_changes.py: whole
// numbers of any widths, FLOAT and DOUBLE, decimals of one scale, timestamps of one kind in
// milliseconds and microseconds, and bytes of fixed and of any length. Decimals of two scales lose digits in DuckDB; everything else is
// an error in some readers, and other values in some: a text of a number, digits of hex read as
// bytes.

namespace cdc::columns {
namespace {

// Types that widen to each other, the narrowest first.
constexpr std::string_view kWholeNumbers[] = {"INT(16, signed)", "INT32", "INT64"};
constexpr std::string_view kFractions[] = {"FLOAT", "DOUBLE"};
constexpr std::string_view kLocalTimes[] = {"TIMESTAMP(millis, not UTC)",
                                            "TIMESTAMP(micros, not UTC)"};
constexpr std::string_view kInstants[] = {"TIMESTAMP(millis, UTC)", "TIMESTAMP(micros, UTC)"};
// LSNs as bytes, in version 1 of the format and now.
constexpr std::string_view kLsnBytes[] = {"FIXED_LEN_BYTE_ARRAY(10)", "BYTE_ARRAY"};
constexpr std::span<const std::string_view> kFamilies[] = {kWholeNumbers, kFractions, kLocalTimes,
                                                           kInstants, kLsnBytes};

// "DECIMAL(9,2)" and "DECIMAL(18,2)": the second.
std::optional<std::string> WiderDecimal(const std::string& a, const std::string& b) {
  constexpr std::string_view kDecimal = "DECIMAL(";
  const size_t comma_a = a.find(',');
  const size_t comma_b = b.find(',');
  if (!a.starts_with(kDecimal) || !b.starts_with(kDecimal)) return std::nullopt;
  if (a.substr(comma_a) != b.substr(comma_b)) return std::nullopt;
  return std::pair(comma_a, a) < std::pair(comma_b, b) ? b : a;
}

// The type in which readers show values of both; nothing: they do not.
std::optional<std::string> Merged(const std::string& a, const std::string& b) {
  if (a == b) return a;
  for (const auto& family : kFamilies) {
    const auto at = std::ranges::find(family, a);
    const auto other = std::ranges::find(family, b);
    if (at != family.end() && other != family.end()) return std::string(*std::max(at, other));
  }
  return WiderDecimal(a, b);
}

std::string LowerCase(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// "Email.mask" of a column, whose table's own is "mask".
std::string_view OptionOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::string WordInEffect(const std::map<std::string, std::string>& options,
                         const std::string& name) {
  const std::string option(OptionOf(name));
  auto found = options.find(name);
  if (found == options.end()) found = options.find(option);
  if (found != options.end()) return found->second;
  const OptionKey* key = FindOption(option);
  return key == nullptr ? "" : std::string(key->default_word);
}

FolderChange WithObject(const FolderColumns& folder, const arrow::FieldVector& fields) {
  FolderChange change{{}, folder};
  std::map<std::string, std::string> spelling;  // by the name in lower case
  for (const auto& [name, type] : folder) spelling.emplace(LowerCase(name), name);
  for (const auto& field : fields) {
    const std::string now = ParquetTypeText(*field);
    const auto [known, is_new] = spelling.emplace(LowerCase(field->name()), field->name());
    std::string& type = change.columns[known->second];
    const auto merged = is_new ? now : Merged(type, now);
    if (!merged) change.conflicts.push_back({field->name(), type, now});
    type = merged.value_or(now);
  }
  return change;
}

FolderColumns BeyondObject(const FolderColumns& folder, const arrow::FieldVector& fields) {
  std::map<std::string, std::string> own;  // by the name in lower case
  for (const auto& field : fields) own.emplace(LowerCase(field->name()), ParquetTypeText(*field));
  FolderColumns beyond;
  for (const auto& [name, type] : folder) {
    const auto found = own.find(LowerCase(name));
    if (found == own.end() || found->second != type) beyond.emplace(name, type);
  }
  return beyond;
}

std::vector<OptionChange> ChangedOptions(const std::map<std::string, std::string>& before,
                                         const std::map<std::string, std::string>& now) {
  std::set<std::string> names;
  for (const auto& [name, word] : before) names.insert(name);
  for (const auto& [name, word] : now) names.insert(name);
  std::vector<OptionChange> changes;
  for (const std::string& name : names) {
    OptionChange change{name, WordInEffect(before, name), WordInEffect(now, name)};
    if (change.before != change.now) changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace cdc::columns

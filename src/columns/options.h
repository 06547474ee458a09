#pragma once

#include <arrow/status.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cdc::columns {

// How values become Parquet, where there is a choice. The first of each is the default: what every
// common reader opens without losing anything but a 7th fractional digit, which is counted.
enum class Datetime2As { kMicros, kNanos, kString };
enum class DatetimeOffsetAs { kUtcAndOffset, kUtc, kString };
enum class TimeAs { kString, kTime };
enum class UniqueIdentifierAs { kString, kUuid };
enum class HierarchyIdAs { kBinary, kPath };
enum class SpatialAs { kBinary, kWkb };
enum class BinaryAs { kBytes, kHex };
enum class LsnAs { kBytes, kHex };
enum class Timestamps { kMicros, kMillis };
enum class Mask { kNone, kHash, kNull };

// Of one captured column.
struct ColumnOptions {
  Datetime2As datetime2 = Datetime2As::kMicros;
  DatetimeOffsetAs datetimeoffset = DatetimeOffsetAs::kUtcAndOffset;
  TimeAs time = TimeAs::kString;
  UniqueIdentifierAs uniqueidentifier = UniqueIdentifierAs::kString;
  HierarchyIdAs hierarchyid = HierarchyIdAs::kBinary;
  SpatialAs spatial = SpatialAs::kBinary;
  BinaryAs binary = BinaryAs::kBytes;
  Timestamps timestamps = Timestamps::kMicros;
  Mask mask = Mask::kNone;
  std::shared_ptr<const std::string> mask_key;  // with Mask::kHash

  bool masks() const { return mask != Mask::kNone; }
};

// Of CDC's own columns of one table.
struct MetadataOptions {
  LsnAs lsn = LsnAs::kBytes;
  Timestamps timestamps = Timestamps::kMicros;
  std::string prefix = "__$";
};

// What an option is set on: a captured column (and through its table or everywhere, all columns),
// or a table (and everywhere, all tables).
enum class OptionScope { kColumn, kTable };

// One option as people write it. The list in options.cc is the only place that names them.
struct OptionKey {
  std::string_view name;  // "datetime2"
  OptionScope scope = OptionScope::kColumn;
  std::vector<std::string_view> words;  // the default first; empty: a free text
  std::string_view default_word;
  std::string_view help;
};
const std::vector<OptionKey>& OptionKeys();
const OptionKey* FindOption(std::string_view name);  // nullptr for an unknown one
// Invalid says what would be right.
arrow::Status CheckOption(const OptionKey& key, std::string_view word);

// `word` has been checked, and the option's scope fits; a table option leaves ColumnOptions as they
// are and the other way round ("timestamps" sets both).
void SetOption(std::string_view name, std::string_view word, ColumnOptions* column,
               MetadataOptions* metadata);
// Name to word of everything that is set, defaults too; not the key.
std::map<std::string, std::string> WordsOf(const ColumnOptions& column);
std::map<std::string, std::string> WordsOf(const MetadataOptions& metadata);

}  // namespace cdc::columns

#include "columns/options.h"

#include <algorithm>

namespace cdc::columns {
namespace {

using arrow::Status;

// The words of each option stand in the order of its enumerators.
const std::vector<OptionKey> kKeys = {
    {"datetime2",
     OptionScope::kColumn,
     {"micros", "nanos", "string"},
     "micros",
     "datetime2: microseconds (a 7th fractional digit is cut and counted), nanoseconds (1677 to "
     "2262 only), or text"},
    {"datetimeoffset",
     OptionScope::kColumn,
     {"utc+offset", "utc", "string"},
     "utc+offset",
     "datetimeoffset: the instant and a column <name>__offset, the instant alone, or text"},
    {"time",
     OptionScope::kColumn,
     {"string", "time"},
     "string",
     "time: text, or Parquet's TIME in microseconds (Spark reads none)"},
    {"uniqueidentifier",
     OptionScope::kColumn,
     {"string", "uuid"},
     "string",
     "uniqueidentifier: text, or Parquet's UUID (Spark refuses it)"},
    {"hierarchyid",
     OptionScope::kColumn,
     {"binary", "path"},
     "binary",
     "hierarchyid: its bytes, or the path as text: /1/3.1/"},
    {"spatial",
     OptionScope::kColumn,
     {"binary", "wkb"},
     "binary",
     "geometry and geography: SQL Server's own bytes, or WKB and a column <name>__srid"},
    {"binary",
     OptionScope::kColumn,
     {"bytes", "hex"},
     "bytes",
     "binary, varbinary, image, rowversion: bytes, or hex digits as text"},
    {"timestamps",
     OptionScope::kColumn,
     {"micros", "millis"},
     "micros",
     "the unit of all timestamps that are not nanos; finer digits are cut and counted"},
    {"mask",
     OptionScope::kColumn,
     {"none", "hash", "null"},
     "none",
     "personal data: a keyed SHA-256 as text (same value, same token), or always NULL"},
    {"lsn",
     OptionScope::kTable,
     {"bytes", "hex"},
     "bytes",
     "LSNs in CDC's own columns: 10 bytes, or 20 hex digits as text"},
    {"meta_prefix",
     OptionScope::kTable,
     {},
     "__$",
     "what the names of CDC's own columns begin with (some engines refuse $)"},
};

template <typename Enum>
Enum EnumOf(const OptionKey& key, std::string_view word) {
  const auto at = std::ranges::find(key.words, word);
  return static_cast<Enum>(at - key.words.begin());
}

template <typename Enum>
std::string WordOf(std::string_view name, Enum value) {
  return std::string(FindOption(name)->words[static_cast<size_t>(value)]);
}

}  // namespace

const std::vector<OptionKey>& OptionKeys() { return kKeys; }

const OptionKey* FindOption(std::string_view name) {
  const auto found = std::ranges::find(kKeys, name, &OptionKey::name);
  return found == kKeys.end() ? nullptr : &*found;
}

Status CheckOption(const OptionKey& key, std::string_view word) {
  if (key.words.empty()) {
    const bool good = !word.empty() && word.size() <= 32 &&
                      std::ranges::all_of(word, [](char c) { return c > ' ' && c < 0x7F; });
    return good ? Status::OK()
                : Status::Invalid("\"", word, "\" is not 1 to 32 visible ASCII characters");
  }
  if (std::ranges::find(key.words, word) != key.words.end()) return Status::OK();
  std::string words;
  for (const std::string_view one : key.words) words.append(words.empty() ? "" : ", ").append(one);
  return Status::Invalid("\"", word, "\" is none of ", words);
}

void SetOption(std::string_view name, std::string_view word, ColumnOptions* column,
               MetadataOptions* metadata) {
  const OptionKey& key = *FindOption(name);
  if (name == "datetime2") column->datetime2 = EnumOf<Datetime2As>(key, word);
  if (name == "datetimeoffset") column->datetimeoffset = EnumOf<DatetimeOffsetAs>(key, word);
  if (name == "time") column->time = EnumOf<TimeAs>(key, word);
  if (name == "uniqueidentifier") column->uniqueidentifier = EnumOf<UniqueIdentifierAs>(key, word);
  if (name == "hierarchyid") column->hierarchyid = EnumOf<HierarchyIdAs>(key, word);
  if (name == "spatial") column->spatial = EnumOf<SpatialAs>(key, word);
  if (name == "binary") column->binary = EnumOf<BinaryAs>(key, word);
  if (name == "mask") column->mask = EnumOf<Mask>(key, word);
  if (name == "lsn") metadata->lsn = EnumOf<LsnAs>(key, word);
  if (name == "meta_prefix") metadata->prefix = word;
  if (name == "timestamps") {
    column->timestamps = metadata->timestamps = EnumOf<Timestamps>(key, word);
  }
}

std::map<std::string, std::string> WordsOf(const ColumnOptions& column) {
  return {{"datetime2", WordOf("datetime2", column.datetime2)},
          {"datetimeoffset", WordOf("datetimeoffset", column.datetimeoffset)},
          {"time", WordOf("time", column.time)},
          {"uniqueidentifier", WordOf("uniqueidentifier", column.uniqueidentifier)},
          {"hierarchyid", WordOf("hierarchyid", column.hierarchyid)},
          {"spatial", WordOf("spatial", column.spatial)},
          {"binary", WordOf("binary", column.binary)},
          {"timestamps", WordOf("timestamps", column.timestamps)},
          {"mask", WordOf("mask", column.mask)}};
}

std::map<std::string, std::string> WordsOf(const MetadataOptions& metadata) {
  return {{"lsn", WordOf("lsn", metadata.lsn)},
          {"timestamps", WordOf("timestamps", metadata.timestamps)},
          {"meta_prefix", metadata.prefix}};
}

}  // namespace cdc::columns

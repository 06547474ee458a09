#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/position.h"

namespace cdc::pq {

inline constexpr int kFormatVersion = 1;

// A range of LSNs whose rows can no longer be read: everything after `from`, up to and including
// `to`.
struct Gap {
  Position from;
  Position to;
  bool operator==(const Gap&) const = default;
};

struct FooterColumn {
  std::string name;
  std::string sql_type;  // "nvarchar(50)"
  int32_t ordinal = 0;
  int32_t column_id = 0;
  bool is_computed = false;
  bool operator==(const FooterColumn&) const = default;
};

// The object's own record (docs/FORMAT.md): from footers alone an outsider can prove that the
// sequence has no hole, that `from` is the previous object's `to` (or the end of a gap that this
// footer carries), and that names are in order.
struct FooterRecord {
  int format_version = kFormatVersion;
  std::string database;
  std::string schema;
  std::string table;
  std::string capture_instance;
  std::string history_id;  // random, made when the state document began
  int64_t sequence = 0;    // from 1, in this table
  Position from;           // exclusive
  Position to;             // inclusive
  int64_t rows = 0;
  std::string checksum;      // RowChecksum
  std::string previous_key;  // "" for the first object
  std::vector<Gap> gaps;     // accepted since the previous object
  bool incomplete = false;  // delivered under a claim whose window could not be read whole any more
  std::vector<FooterColumn> columns;
  std::vector<std::string> key_columns;
  std::map<std::string, int64_t> altered_values;  // by column, only where not 0
  std::map<std::string, std::string> options;
  std::string program_version;
  bool operator==(const FooterRecord&) const = default;

  // Key-value metadata of the Parquet footer: names start with "cdc.", lists are JSON.
  std::map<std::string, std::string> ToKeyValues() const;
  static arrow::Result<FooterRecord> FromKeyValues(
      const std::map<std::string, std::string>& values);

  // The core of it as S3 user metadata: lower-case ASCII names starting with "cdc-", values ASCII
  // (percent-encoded where the original is not).
  std::map<std::string, std::string> ToUserMetadata() const;
};

// What an object says of itself, in its footer as in its user metadata. Nothing: the metadata is
// not that of one of ours.
struct ObjectIdentity {
  std::string history_id;
  int64_t sequence = 0;
  Position from;
  Position to;
  int64_t rows = 0;
  std::string checksum;
  bool operator==(const ObjectIdentity&) const = default;
};
ObjectIdentity IdentityOf(const FooterRecord& record);
std::optional<ObjectIdentity> IdentityFromUserMetadata(
    const std::map<std::string, std::string>& metadata);

}  // namespace cdc::pq

#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/known_columns.h"
#include "base/object_identity.h"
#include "base/position.h"

namespace cdc::pq {

// What is written; all earlier ones are read.
inline constexpr int kFormatVersion = 2;

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

// What an object says of itself, in its footer as in its user metadata.
struct ObjectLabel : ObjectIdentity {
  std::string history_id;  // random, made when the state document began
  // The source table's in its database; 0 in objects that were written before objects said it.
  int64_t source_object_id = 0;
  bool operator==(const ObjectLabel&) const = default;
};

// The object's own record (docs/FORMAT.md): from footers alone an outsider can prove that the
// sequence has no hole, that `from` is the previous object's `to` (or the end of a gap that this
// footer carries), and that names are in order.
struct FooterRecord : ObjectLabel {
  int format_version = kFormatVersion;
  std::string database;
  std::string schema;
  std::string table;
  std::string capture_instance;
  std::vector<Gap> gaps;  // accepted since the previous object
  std::vector<FooterColumn> columns;
  std::vector<std::string> key_columns;
  std::map<std::string, int64_t> altered_values;  // by column, only where not 0
  std::map<std::string, std::string> options;
  // From version 2 on, what the state document remembers and no later object could tell: which
  // database this is, how columns were delivered, and which source tables had the entry before.
  std::string database_guid;
  std::string family_guid;
  KnownColumns known_columns;
  std::vector<EarlierTable> earlier_tables;
  std::string program_version;
  bool operator==(const FooterRecord&) const = default;

  bool remembers() const { return format_version >= 2; }

  // Key-value metadata of the Parquet footer: names start with "cdc.", lists are JSON.
  std::map<std::string, std::string> ToKeyValues() const;
  static arrow::Result<FooterRecord> FromKeyValues(
      const std::map<std::string, std::string>& values);

  // The core of it as S3 user metadata: lower-case ASCII names starting with "cdc-", values ASCII
  // (percent-encoded where the original is not).
  std::map<std::string, std::string> ToUserMetadata() const;
};

// Nothing: the object is not one of ours. The previous object's key is not in there.
std::optional<ObjectLabel> IdentityFromUserMetadata(
    const std::map<std::string, std::string>& metadata);

}  // namespace cdc::pq

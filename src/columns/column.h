#pragma once

#include <arrow/array.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "columns/options.h"
#include "odbc/connection.h"

namespace cdc::columns {

// A captured column as the source's catalogue describes it.
struct SourceColumn {
  std::string name;
  std::string type_name;  // sys.types.name of the base type: "nvarchar", "decimal", "geography", …
  int32_t max_length_bytes = 0;  // sys.columns.max_length; -1 for (max)
  int32_t precision = 0;
  int32_t scale = 0;
  std::string collation;
  int32_t column_id = 0;  // in the source table
  int32_t ordinal = 0;    // in the change table, from 1: the bit in __$update_mask
  bool is_computed = false;
  bool is_clr = false;  // a CLR type: hierarchyid, geometry, geography, or somebody's own
  Options options;      // how it is written (output_rules.h)
  // What some rule says of the column by its very name (output_rules.h), as no pattern does.
  bool listed_by_name = false;    // columns has it
  bool unmasked_by_name = false;  // mask = "none"
  bool left_out_by_name = false;  // exclude_columns has it
  // The list of columns that decides of it, "[table.\"*\"] (cdc-to-s3.toml line 2)"; "" without one.
  std::string list;

  bool IsMasked() const { return !options.Is("mask", "none"); }

  // "nvarchar(50)", "decimal(19,4)", "varbinary(max)"
  std::string TypeText() const;
};

// Field metadata that tells the Parquet writer how to encode: "long" (values of any length: plain,
// and nothing kept of them), or absent (a dictionary where it pays).
inline constexpr char kEncodingKey[] = "cdc:encoding";
// Field metadata of well-known binary: how edges run, "planar" or "spherical".
inline constexpr char kGeoKey[] = "cdc:geo";

// CDC's own columns of a change table, and the commit time that is joined to them: the first
// columns of every object, in this order. Names begin with option meta_prefix.
enum class MetadataColumn {
  kStartLsn,    // start_lsn: 20 hex digits or 10 bytes, not nullable
  kCommandId,   // command_id: int32, nullable (rows from before a server upgrade)
  kSeqval,      // seqval: as start_lsn
  kOperation,   // operation: int32, not nullable, 1 to 4
  kUpdateMask,  // update_mask: binary, nullable
  kCommitTime,  // commit_time: timestamp[us or ms, UTC], nullable; bound already in UTC
};
inline constexpr int kMetadataColumns = 6;

// Turns bound cells of one column into Arrow arrays: usually one, two where a second field tells
// what the first one cannot (<column>__offset, __type, __srid). Pure: knows nothing of connections.
// Not thread-safe.
class ColumnDecoder {
 public:
  virtual ~ColumnDecoder() = default;

  // NotImplemented for a type outside the table; the caller adds the table's name.
  // Everything about an SQL type is one row of type_table.cc.
  static arrow::Result<std::unique_ptr<ColumnDecoder>> Make(const SourceColumn& column);
  static std::unique_ptr<ColumnDecoder> MakeMetadata(MetadataColumn column,
                                                     const Options& options = {});

  // Nullable, with the keys above in their metadata. None has a Parquet field id: Iceberg's readers
  // take ids before names, and would give other columns' values.
  virtual const arrow::FieldVector& fields() const = 0;
  // The slot to begin with. (max) columns begin at 4 KiB and may need a larger one.
  virtual odbc::ColumnBinding binding() const = 0;
  virtual bool grows() const = 0;

  // A wrong length, an impossible date, a value outside the type: an error that names the column;
  // the decoder is of no use after it. More than 2 GiB of text or bytes before a Finish:
  // CapacityError.
  virtual arrow::Status Append(const odbc::ColumnSlice& cells, int64_t first_row, int64_t rows) = 0;
  // One array per field of all rows since the last Finish.
  virtual arrow::Status Finish(arrow::ArrayVector* out) = 0;
  // The row of the last Append's cells (from 0, of those that it was given) whose value is at fault
  // when Append fails; -1 when it is no single value's fault.
  virtual int64_t failed_row() const = 0;
  // Values altered so far in a way that loses something (7th fractional digit, lone surrogate).
  virtual int64_t altered_values() const = 0;
};

}  // namespace cdc::columns

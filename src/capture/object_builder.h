#pragma once

#include <arrow/result.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/row_checksum.h"
#include "base/spool.h"
#include "parquet/footer_record.h"
#include "source/source.h"

namespace cdc::capture {

struct ObjectLimits {
  int64_t max_rows = 1'000'000;
  int64_t max_bytes = 128 << 20;
  std::string temp_dir;
};

// An object is held in memory up to here, then in an unlinked temporary file.
inline constexpr int64_t kSpoolMemoryBytes = 8 << 20;

struct BuiltObject {
  std::unique_ptr<Spool> bytes;
  pq::FooterRecord record;  // as written into the footer
  bool more = false;        // the window has further rows
};

// Reads one object's rows: as many as fit the limits, never ending between the two rows of one
// update. `record` comes with everything that is known before the rows are (identity, sequence,
// from, previous key, gaps); to, rows, checksum, columns and altered values are filled in. Nothing
// when there were no rows. `claimed_to`: the end of a claim that is delivered again; then all rows
// of the window belong into this one object, whatever the limits, even none. Cancelled when `stop`
// becomes true.
arrow::Result<std::optional<BuiltObject>> BuildObject(source::ChangeReader& reader,
                                                      const source::TableDescription& table,
                                                      pq::FooterRecord record,
                                                      const ObjectLimits& limits,
                                                      const std::optional<Position>& claimed_to,
                                                      const std::atomic<bool>& stop);

}  // namespace cdc::capture

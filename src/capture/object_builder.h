#pragma once

#include <arrow/result.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/row_checksum.h"
#include "base/spool.h"
#include "columns/altered.h"
#include "parquet/footer_record.h"
#include "rules/column_guard.h"
#include "rules/object_form.h"
#include "source/source.h"

namespace cdc::capture {

struct ObjectLimits {
  int64_t max_rows = 1'000'000;
  int64_t max_bytes = 128 << 20;
  std::string temp_dir;
  // An object is held in memory up to here, then in an unlinked temporary file.
  int64_t spool_memory_bytes = 4 << 20;
  // A row group is closed when it has allocated so much.
  int64_t row_group_memory_bytes = 8 << 20;
};

struct BuiltObject {
  std::unique_ptr<Spool> bytes;
  pq::FooterRecord record;             // as written into the footer
  bool more = false;                   // the window has further rows
  std::optional<UtcTime> last_commit;  // commit time of the last row, where the server knows it
  rules::KnownColumns columns;         // what the entry is to remember of its columns
  // What the record's altered values lost, by column.
  std::map<std::string, columns::Alteration> altered;
  rules::FormChange change = {};  // against the table's last object
  int folder_number = 0;  // of the further folder that it begins; 0: it stays in its table's
};

// What is told of an object once it is there.
struct ObjectFacts {
  int64_t rows = 0;
  int64_t bytes = 0;
  std::optional<UtcTime> last_commit;
  std::map<std::string, int64_t> altered_values;
  std::map<std::string, columns::Alteration> altered;

  static ObjectFacts Of(const BuiltObject& object);
};

// Reads one object's rows: as many as fit the limits, never ending between the two rows of one
// update. `record` comes with everything that is known before the rows are (identity, sequence,
// from, previous key, gaps); to, rows, checksum, columns and altered values are filled in. Nothing
// when there were no rows. `whole_to`: the end of a window whose rows all belong into this one
// object, whatever the limits, even none: a claim that is delivered again. Cancelled when `stopped`
// says so.
arrow::Result<std::optional<BuiltObject>> BuildObject(source::ChangeReader& reader,
                                                      const source::TableDescription& table,
                                                      pq::FooterRecord record,
                                                      const ObjectLimits& limits,
                                                      const std::optional<Position>& whole_to,
                                                      const std::function<bool()>& stopped);

// Of an error of BuildObject that is a value's fault (source/value_fault.h): the end of the whole
// rows before it, which may be delivered. Nothing where there are none, or for any other error.
std::optional<Position> EndBeforeFault(const arrow::Status& status);

}  // namespace cdc::capture

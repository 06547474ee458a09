#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/store.h"

namespace cdc::rules {

// The part of an object's name that orders it: seconds since the epoch, and a suffix (0: none) for
// further objects of the same second.
struct Stamp {
  std::chrono::sys_seconds time;
  int suffix = 0;
  auto operator<=>(const Stamp&) const = default;

  std::string ToString() const;  // 20250109_143015 or 20250109_143015_0001
};

// Whether folders of two databases differ, whatever their tables are called.
bool TellsDatabasesApart(const std::string& path);

// Names and folders of one table's objects (docs/FORMAT.md, "Names"):
// <folder>/<table>_cdc_<YYYYMMDD>_<HHMMSS>[_NNNN].parquet in UTC. '.' sorts before '_', so names
// stay in order within a second.
class TableNames {
 public:
  // `path` is the folder template: {database} {schema} {table} {date}.
  static arrow::Result<TableNames> Make(const std::string& path, const std::string& database,
                                        const std::string& schema, const std::string& table);

  // Where this table's objects are listed: everything up to the first {date}, ending in '/'.
  const std::string& folder() const { return folder_; }
  // A table whose columns became such that readers cannot merge them goes on in a further folder,
  // and may do so again: .../cdc/ is the first one, .../cdc_2/ the second. Names stay in order
  // across them.
  TableNames InFolder(int number) const;
  // Which of its folders that is; 0: none of them.
  int FolderNumber(std::string_view folder) const;
  // What the keys of all of its further folders begin with: ".../cdc_".
  std::string FurtherFolders() const;

  // The key of the next object: later than `last_key` ("" when there is none) whatever the clock
  // says. A second's suffixes end at _9999; then the timestamp moves one second on.
  std::string Next(UtcTime now, const std::string& last_key) const;
  // Whether a store can keep even the longest of these names; else what helps. No suffix, no date
  // and no time of day makes a longer one.
  arrow::Status CheckFits(const store::KeyLimits& limits, const std::string& url) const;
  // Nothing when the key's last part is not such a name of this table.
  std::optional<Stamp> StampOf(std::string_view key) const;

 private:
  std::string Key(const Stamp& stamp) const;

  std::string template_;  // all but {date} filled in
  std::string folder_;
  std::string first_folder_;  // without the '/'
  std::string table_;         // as a path segment
};

}  // namespace cdc::rules

#pragma once

#include <arrow/result.h>

#include <functional>
#include <string>
#include <vector>

#include "parquet/footer_record.h"
#include "rules/selection.h"
#include "source/source.h"
#include "store/store.h"

// Tables' folders as the target itself shows them, whatever their tables are called today.
namespace cdc::rules {

struct FoundFolder {
  std::string folder;  // with a trailing '/'
  std::string key;     // of an object of ours in it
  pq::FooterRecord record;
};

// Goes through the folders that `path` can give tables of the database, in order of their names,
// and shows those in which an object of ours lies, but for the known ones. `see` says whether to go
// on. A few requests for each folder, however much lies in it. Returns false when it gave up: there
// were too many.
arrow::Result<bool> WalkFolders(store::Store& data, const std::string& path,
                                const std::string& database,
                                const std::function<bool(const std::string& folder)>& is_known,
                                const std::function<arrow::Result<bool>(const FoundFolder&)>& see);

// The folder in which all tables' folders lie, without a trailing '/'; "" where there is none.
std::string CommonFolder(const std::string& path, const std::string& database);

// Whether the settings select the table that the object is of: by the name that it had when it came
// in, or by the one that it has today.
bool Concerns(const pq::FooterRecord& record, const TableSelection& selection,
              const std::vector<source::CaptureInstance>& instances);

}  // namespace cdc::rules

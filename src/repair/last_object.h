#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>

#include "parquet/footer_record.h"
#include "rules/naming.h"
#include "store/store.h"

namespace cdc::repair {

// The newest object of a table, as its folders themselves tell it.
struct LastObject {
  std::string key;
  std::string folder;  // that it is in
  pq::FooterRecord record;
  Position first_from;                 // where the oldest object that is still there begins
  int64_t first_source_object_id = 0;  // of that one; 0 where it does not say it
  Position first_to;
};

// Nothing when the folder, and the table's further ones, hold no object after `after` ("": none at
// all). Invalid when they hold a Parquet file that is not ours. Lists them from there on, and reads
// one footer.
arrow::Result<std::optional<LastObject>> FindLastObject(store::Store& data,
                                                        const rules::TableNames& names,
                                                        const std::string& after);

}  // namespace cdc::repair

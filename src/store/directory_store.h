#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "store/store.h"

namespace cdc::store {

// Objects as files below `path`, an existing folder (kNoBucket otherwise). What is not an object
// (metadata, temporary files, the lock) is below `<path>/_cdc_to_s3/.store`.
arrow::Result<std::unique_ptr<Store>> OpenDirectoryStore(const std::string& path,
                                                         const Clock& clock);

}  // namespace cdc::store

#pragma once

#include <arrow/status.h>

#include <string>

#include "store/store.h"

namespace cdc::store {

// kPermanent unless every name is of a-z 0-9 - _ . and every value printable ASCII without blanks
// at its ends, and all together no more than the 2 KB that S3 allows. `what` is "put
// s3://lake/raw/k".
arrow::Status CheckMetadata(const std::string& what, const Metadata& metadata);

}  // namespace cdc::store

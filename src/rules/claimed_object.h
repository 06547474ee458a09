#pragma once

#include <optional>
#include <string>

#include "base/object_identity.h"
#include "parquet/footer_record.h"

namespace cdc::rules {

// Whether an object's own record says that it is the claimed one.
bool IsClaimed(const std::optional<pq::ObjectLabel>& found, const std::string& history_id,
               const ObjectIdentity& claim);

}  // namespace cdc::rules

#pragma once

#include <optional>
#include <string>

#include "parquet/footer_record.h"
#include "state/document.h"

namespace cdc::rules {

// Whether an object's own record says that it is the claimed one.
bool IsClaimed(const std::optional<pq::ObjectIdentity>& found, const std::string& history_id,
               const state::Claim& claim);

}  // namespace cdc::rules

#pragma once

#include <arrow/status.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"

namespace cdc::store {

// How long S3 accepts a request after the time that it is signed with.
inline constexpr std::chrono::minutes kSignatureLife{15};

// kDenied when `signed_at` is longer ago than a signature lives. `what` is "put s3://lake/raw/k".
arrow::Status CheckSignedAt(std::optional<UtcTime> signed_at, const Clock& clock,
                            const std::string& what);

}  // namespace cdc::store

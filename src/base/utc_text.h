#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>

#include "base/clock.h"

namespace cdc {

// "2025-01-09T14:30:15Z", "2025-01-09 14:30:15.123+02:00", "2025-01-09" (midnight UTC). A time of
// day needs Z or an offset: Invalid otherwise, and the message offers it with Z.
arrow::Result<UtcTime> ParseUtc(std::string_view text);
// "2026-11-23T04:05:06Z"
std::string FormatUtc(UtcTime time);

}  // namespace cdc

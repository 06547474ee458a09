#pragma once

#include <arrow/status.h>

#include <string>

#include "capture/context.h"

namespace cdc::capture {

// ★ Delivers a claim whose object is not known to be there: looks for it, and if it is missing
// reads the claimed window again, checks row count and checksum, and puts it under the claimed key.
// Afterwards the claim is confirmed (with the next swap). An error stops the table until the claim
// is settled: nothing else of it is read before.
arrow::Status RecoverClaim(Context& context, const std::string& table,
                           const source::CaptureInstance& instance);

}  // namespace cdc::capture

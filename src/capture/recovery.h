#pragma once

#include <arrow/status.h>

#include <map>
#include <string>

#include "capture/context.h"
#include "capture/instances.h"

namespace cdc::capture {

// INVARIANT: Delivers claims whose objects are not known to be there: looks for each, and if it is missing
// reads the claimed window again, checks row count and checksum, and puts it under the claimed key.
// Afterwards the claims are confirmed (with the next swap). The workers do this, several tables at
// a time; an error stops its table until the claim is settled: nothing else of it is read before.
arrow::Status RecoverClaims(Context& context, const std::map<std::string, Reading>& readings,
                            const Lsn& horizon);

}  // namespace cdc::capture

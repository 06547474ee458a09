#include "store/signed_at.h"

#include <fmt/format.h>

#include "base/units.h"
#include "store/store.h"

namespace cdc::store {

arrow::Status CheckSignedAt(std::optional<UtcTime> signed_at, const Clock& clock,
                            const std::string& what) {
  if (!signed_at) {
    return arrow::Status::OK();
  }
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(clock.UtcNow() - *signed_at);
  if (age <= kSignatureLife) {
    return arrow::Status::OK();
  }
  return MakeError(ErrorKind::kDenied,
                   fmt::format("{}: not done, because the right to do it dates from {} ago and "
                               "lasts {}; this process was held up, and another may have taken "
                               "over: take over anew",
                               what, HumanDuration(age), HumanDuration(kSignatureLife)));
}

}  // namespace cdc::store

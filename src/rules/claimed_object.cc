#include "rules/claimed_object.h"

namespace cdc::rules {

bool IsClaimed(const std::optional<pq::ObjectLabel>& found, const std::string& history_id,
               const ObjectIdentity& claim) {
  return found && found->history_id == history_id && found->sequence == claim.sequence &&
         found->from == claim.from && found->to == claim.to;
}

}  // namespace cdc::rules

#include "rules/claimed_object.h"

namespace cdc::rules {

bool IsClaimed(const std::optional<pq::ObjectIdentity>& found, const std::string& history_id,
               const state::Claim& claim) {
  return found && found->history_id == history_id && found->sequence == claim.sequence &&
         found->from == claim.from && found->to == claim.to;
}

}  // namespace cdc::rules

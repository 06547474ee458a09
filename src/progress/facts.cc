#include "progress/facts.h"

namespace cdc::progress {

std::string_view ConditionName(Condition condition) {
  switch (condition) {
    case Condition::kNew:
      return "new";
    case Condition::kComplete:
      return "complete";
    case Condition::kBehind:
      return "behind";
    case Condition::kWaiting:
      return "waiting";
    case Condition::kRetrying:
      return "retrying";
    case Condition::kStopped:
      return "stopped";
    case Condition::kLeftOut:
      return "left_out";
  }
  return "new";
}

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kStarting:
      return "starting";
    case Role::kStandby:
      return "standby";
    case Role::kOwner:
      return "owner";
  }
  return "starting";
}

}  // namespace cdc::progress

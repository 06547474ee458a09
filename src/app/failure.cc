#include "app/failure.h"

#include "base/fault.h"

namespace cdc::app {

bool EndsOnce(const arrow::Status& why, bool connected) {
  const Fault& fault = FaultOf(why);
  const bool away = fault.reach == Reach::kConnection && !connected;
  return away || fault.retry == Retry::kWhenSomebodyActs;
}

bool EndsDaemon(const arrow::Status& why, bool reached) {
  const Fault& fault = FaultOf(why);
  return fault.reach == Reach::kEverything || (!reached && fault.retry == Retry::kWhenSomebodyActs);
}

}  // namespace cdc::app

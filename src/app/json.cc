#include "app/json.h"

#include <fmt/format.h>

#include "app/print.h"
#include "app/wiring.h"

namespace cdc::app {

void PrintJson(const Json& json) {
  // Names come from the source; one that is no UTF-8 becomes readable rather than fatal.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  Say("{}\n", Lines{EscapeInJson(text)});
}

int Fail(const arrow::Status& status, bool json) {
  PrintError(status);
  if (json) PrintJson({{"error", status.message()}});
  return ExitCodeOf(status);
}

}  // namespace cdc::app

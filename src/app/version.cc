#include <fmt/format.h>

#include "app/json.h"
#include "app/verbs.h"
#include "app/wiring.h"
#include "parquet/footer_record.h"
#include "state/document.h"

namespace cdc::app {

int PrintVersion(bool json) {
  if (json) {
    PrintJson({{"version", Version()},
               {"object_format", pq::kFormatVersion},
               {"state_format", state::kDocumentVersion}});
  } else {
    fmt::print("cdc-to-s3 {}\n", Version());
  }
  return kExitDone;
}

}  // namespace cdc::app

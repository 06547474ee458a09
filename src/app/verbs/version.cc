#include <fmt/format.h>

#include "app/json.h"
#include "app/print.h"
#include "app/verb.h"
#include "app/wiring.h"
#include "parquet/footer_record.h"
#include "state/document.h"

namespace cdc::app {

namespace {

int PrintVersion(bool json) {
  if (json) {
    PrintJson({{"version", Version()},
               {"object_format", pq::kFormatVersion},
               {"state_format", state::kDocumentVersion}});
  } else {
    Say("cdc-to-s3 {}\n", Version());
  }
  return kExitDone;
}

Action Prepare(CLI::App&) {
  return [](const config::Config&, bool json) { return PrintVersion(json); };
}

}  // namespace

extern const Verb kVersionVerb = {
    .name = "version",
    .summary = "Print the version",
    .about = "Prints the version of the program and of the formats that it writes.",
    .example = "cdc-to-s3 version",
    .exit_codes = "0 done, 2 wrong usage",
    .json = "version, object_format, state_format",
    .needs = Needs::kNothing,
    .prepare = Prepare,
};

}  // namespace cdc::app

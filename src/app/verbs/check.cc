#include "app/verb.h"
#include "app/verbs/check_parts.h"
#include "app/wiring.h"

namespace cdc::app {

namespace {

int Check(const config::Config& config, bool json) {
  Findings findings(json);
  findings.Section("settings");
  findings.Settings(config);
  const Sight sight = CheckSource(config, &findings);
  CheckTarget(config, sight, &findings);
  CheckHealth(config, sight, &findings);
  findings.Section("memory");
  findings.Memory(config);
  if (const auto temp = CheckTempDir(config); !temp.ok()) findings.Bad(temp.message());
  return findings.Conclude();
}

Action Prepare(CLI::App&) { return Check; }

}  // namespace

extern const Verb kCheckVerb = {
    .name = "check",
    .summary = "Look at source, target and settings, and say what to fix",
    .about =
        "Looks at source, target and settings as a run would, says what it finds, and ends\n"
        "with what is to be fixed. Delivers nothing; the target gets a probe of a few bytes\n"
        "at _cdc_to_s3/probe.",
    .example = "cdc-to-s3 check",
    .exit_codes =
        "0 everything is in place, 1 something is to be fixed, 2 wrong usage\n"
        "or configuration",
    .json =
        "ok, settings [key, value, origin], memory [peak_bytes, long_value_bytes (what a\n"
        "value of max_value_bytes adds)], findings [section, verdict (ok, note, bad),\n"
        "what], to_fix [text]",
    .needs = Needs::kSourceAndTarget,
    .lists_all_settings = true,
    .prepare = Prepare,
};

}  // namespace cdc::app

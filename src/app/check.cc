#include "app/check_parts.h"
#include "app/verbs.h"
#include "app/wiring.h"

namespace cdc::app {

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

}  // namespace cdc::app

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/captured_tables.h"
#include "app/verbs/findings.h"
#include "config/config.h"
#include "source/source.h"
#include "state/document.h"

// The parts of check, in the order in which it looks at them.
namespace cdc::app {

// What the source has shown of itself, as far as it was reached.
struct Sight {
  std::string database;  // as the server spells it
  std::vector<source::CaptureInstance> instances;
  std::vector<CapturedTable> tables;
  std::optional<state::Document> document;  // nothing: there is none, or it cannot be read
};

Sight CheckSource(const config::Config& config, Findings* findings);
// What is encrypted and verified on the way from the server: what we demanded, and what the server
// says.
void CheckEncryption(source::Source& source, const source::DatabaseIdentity& identity,
                     Findings* findings);
void CheckTarget(const config::Config& config, const Sight& sight, Findings* findings);
// The server's own side of capture: the capture job, and retention.
void CheckHealth(const config::Config& config, const Sight& sight, Findings* findings);

}  // namespace cdc::app

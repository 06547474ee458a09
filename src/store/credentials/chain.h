#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "store/credentials/cache.h"
#include "store/credentials/provider.h"

namespace cdc::store {

struct CredentialsOptions {
  Credentials keys;         // of the settings; may be empty
  std::string profile;      // empty: "default", if there
  std::string region;       // for STS
  std::string ca_bundle;    // for STS
  Environment environment;  // AWS_… and HOME
  const Clock* clock = &Clock::System();
};

// Looks for credentials where AWS's own tools do, in their order: the settings, web identity, the
// profile of the shared files, the container, the instance. The first place that has some stays the
// place. They have been asked for once when this returns. kNoCredentials lists what each place
// said.
arrow::Result<std::shared_ptr<CredentialsCache>> OpenCredentials(const CredentialsOptions& options);

}  // namespace cdc::store

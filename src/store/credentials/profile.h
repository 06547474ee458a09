#pragma once

#include <memory>
#include <string>

#include "store/credentials/provider.h"
#include "store/credentials/sts.h"

namespace cdc::store {

// A profile of the shared files: static keys, credential_process, role_arn with source_profile,
// credential_source or web_identity_token_file. `name` empty: "default", which need not be there.
// `environment` (the container, the instance) may be what credential_source names.
struct ProfileSources {
  std::string name;
  Environment environment;
  Credentials settings;  // credential_source = Environment
  std::shared_ptr<Sts> sts;
};
std::unique_ptr<CredentialsProvider> MakeProfileProvider(ProfileSources sources);

}  // namespace cdc::store

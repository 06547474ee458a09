#pragma once

#include <memory>

#include "store/credentials/provider.h"

namespace cdc::store {

// The credentials of an ECS task or an EKS pod, from the address that its variables name:
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or _FULL_URI with AWS_CONTAINER_AUTHORIZATION_TOKEN
// (or _TOKEN_FILE, which is read anew each time, because it is renewed).
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
std::unique_ptr<CredentialsProvider> MakeContainerProvider(const Environment& environment);

}  // namespace cdc::store

#pragma once

#include <memory>

#include "store/credentials/provider.h"

namespace cdc::store {

// The role of the EC2 instance, from its metadata service, version 2 (a session token first).
// AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT and _ENDPOINT_MODE count. Elsewhere
// than on EC2 nothing answers: that is known after two seconds and is no error.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
std::unique_ptr<CredentialsProvider> MakeInstanceProvider(const Environment& environment);

}  // namespace cdc::store

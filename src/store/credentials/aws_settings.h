#pragma once

#include <arrow/result.h>

#include <string>

#include "store/credentials/chain.h"

namespace cdc::store {

// What AWS's own variables and files say beside credentials. A variable is heard before the
// profile's member of the same meaning.
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
struct AwsSettings {
  std::string region;            // of the profile
  std::string endpoint;          // of the profile: its service's, or for all services
  bool use_fips = false;         // AWS_USE_FIPS_ENDPOINT, use_fips_endpoint
  bool use_dualstack = false;    // AWS_USE_DUALSTACK_ENDPOINT, use_dualstack_endpoint
  bool spares_checksum = false;  // AWS_REQUEST_CHECKSUM_CALCULATION = when_required
};

// Files that cannot be read say nothing here; whoever needs credentials of them says why. A word
// that none of AWS's tools would take is an error (kPermanent) that names its place.
arrow::Result<AwsSettings> ReadAwsSettings(const CredentialsOptions& options);

}  // namespace cdc::store

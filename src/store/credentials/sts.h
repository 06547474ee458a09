#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/credentials/provider.h"
#include "store/http.h"

namespace cdc::store {

struct Role {
  std::string arn;
  std::string session_name;  // empty: "cdc-to-s3"
  std::string external_id;
  std::string duration_seconds;  // empty: as the role has it
};

// AWS's Security Token Service, which exchanges an identity for a role's temporary credentials.
// https://docs.aws.amazon.com/STS/latest/APIReference/
class Sts {
 public:
  // AWS_ENDPOINT_URL_STS, or AWS_ENDPOINT_URL, or AWS's own of the region.
  Sts(const Environment& environment, const std::string& region, const std::string& ca_bundle,
      const Clock& clock);

  // Errors as CredentialsProvider::Fetch, with the role and STS's words.
  arrow::Result<Credentials> AssumeRole(const Role& role, const Credentials& as);
  arrow::Result<Credentials> AssumeRoleWithWebIdentity(const Role& role, const std::string& token);

 private:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  arrow::Result<Credentials> Ask(const char* action, const Role& role, Parameters parameters,
                                 const Credentials* sign_as);

  const std::string region_;
  const std::string endpoint_;
  const Clock& clock_;
  HttpClient http_;
};

// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME: what EKS sets for a service
// account.
std::unique_ptr<CredentialsProvider> MakeWebIdentityProvider(const Environment& environment,
                                                             std::shared_ptr<Sts> sts);

}  // namespace cdc::store

#include "store/credentials/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/spool.h"
#include "store/credentials/json.h"
#include "store/credentials/metadata_http.h"
#include "store/s3_address.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr char kDisabled[] = "AWS_EC2_METADATA_DISABLED";
constexpr char kRolePath[] = "/latest/meta-data/iam/security-credentials/";
constexpr char kTokenSeconds[] = "300";
// A lost packet should not send a program away that has no other credentials.
constexpr int kTriesMax = 2;

bool IsTrue(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "true";
}

std::string EndpointOf(const Environment& environment) {
  std::string endpoint = ValueOf(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint.empty()) {
    endpoint = ValueOf(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == "IPv6"
                   ? "http://[fd00:ec2::254]"
                   : "http://169.254.169.254";
  }
  while (endpoint.ends_with('/')) {
    endpoint.pop_back();
  }
  return endpoint;
}

class InstanceProvider : public CredentialsProvider {
 public:
  explicit InstanceProvider(const Environment& environment)
      : disabled_(IsTrue(ValueOf(environment, kDisabled))),
        endpoint_(EndpointOf(environment)),
        http_(LocalServiceOptions()) {}

  std::string place() const override { return "instance metadata"; }

  arrow::Result<Answer> Fetch() override {
    if (disabled_) {
      return Answer{{}, fmt::format("{} is true", kDisabled)};
    }
    HttpRequest token_request;
    const auto nothing = Spool::FromBytes("");
    token_request.method = "PUT";
    token_request.url = endpoint_ + "/latest/api/token";
    token_request.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", kTokenSeconds}};
    token_request.body = nothing.get();
    const auto token = PerformPatiently(http_, token_request, kTriesMax);
    if (!token.ok() || token->status != 200) {
      return Answer{{}, WhyNot(token)};
    }
    return FetchRole(token->body);
  }

 private:
  std::string WhyNot(const arrow::Result<HttpReply>& reply) const {
    if (!reply.ok()) {
      return fmt::format("nothing answers at {} ({})", endpoint_, reply.status().message());
    }
    return fmt::format("{} answers {}", endpoint_, Summary(*reply));
  }

  arrow::Result<HttpReply> Get(const std::string& path, const std::string& token) {
    HttpRequest request;
    request.method = "GET";
    request.url = endpoint_ + path;
    request.headers = {{"x-aws-ec2-metadata-token", token}};
    return PerformPatiently(http_, request, kTriesMax);
  }

  arrow::Result<Answer> FetchRole(const std::string& token) {
    const auto roles = Get(kRolePath, token);
    if (roles.ok() && (roles->status == 404 || (roles->status == 200 && roles->body.empty()))) {
      return Answer{{}, fmt::format("{} says that the instance has no role", endpoint_)};
    }
    if (!roles.ok() || roles->status != 200) {
      return Answer{{}, WhyNot(roles)};
    }
    const std::string role = roles->body.substr(0, roles->body.find_first_of("\r\n"));
    const auto reply = Get(kRolePath + UriEncode(role, false), token);
    if (!reply.ok() || reply->status != 200) {
      return MakeError(ErrorKind::kTransient,
                       fmt::format("role {} of the instance: {}", role, WhyNot(reply)));
    }
    const auto credentials = ParseCredentialsJson(reply->body, "Token");
    if (!credentials.ok()) {
      return credentials.status().WithMessage(
          fmt::format("role {} of the instance: {}", role, credentials.status().message()));
    }
    return Answer{*credentials, ""};
  }

  const bool disabled_;
  const std::string endpoint_;
  HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeInstanceProvider(const Environment& environment) {
  return std::make_unique<InstanceProvider>(environment);
}

}  // namespace cdc::store

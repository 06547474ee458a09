#include "store/credentials/sts.h"

#include <fmt/format.h>

#include <array>
#include <pugixml.hpp>
#include <string_view>

#include "base/spool.h"
#include "base/utc_text.h"
#include "store/credentials/metadata_http.h"
#include "store/credentials/shared_files.h"
#include "store/s3_address.h"
#include "store/sigv4.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr int kTriesMax = 4;
constexpr char kVersion[] = "2011-06-15";
constexpr char kSessionName[] = "cdc-to-s3";
constexpr char kForm[] = "application/x-www-form-urlencoded; charset=utf-8";

struct KnownCode {
  std::string_view code;
  ErrorKind kind;
  std::string_view advice;
};

constexpr std::array kKnownCodes = {
    KnownCode{"AccessDenied", ErrorKind::kDenied,
              "the role's trust policy must allow this identity to assume it"},
    KnownCode{"ExpiredTokenException", ErrorKind::kDenied,
              "the token or the credentials that ask have expired: is the file still renewed?"},
    KnownCode{"ExpiredToken", ErrorKind::kDenied,
              "the token or the credentials that ask have expired: is the file still renewed?"},
    KnownCode{"InvalidIdentityToken", ErrorKind::kDenied,
              "the token is not from a provider that the account knows (IAM identity providers)"},
    KnownCode{"IDPCommunicationError", ErrorKind::kTransient,
              "STS cannot reach the token's provider"},
    KnownCode{"Throttling", ErrorKind::kTransient, "too many questions"},
    KnownCode{"RegionDisabledException", ErrorKind::kDenied,
              "STS is off in this region: turn it on, or set AWS_ENDPOINT_URL_STS to another"},
};

std::string EndpointOf(const Environment& environment, const std::string& region) {
  for (const char* name : {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}) {
    std::string endpoint = ValueOf(environment, name);
    while (endpoint.ends_with('/')) {
      endpoint.pop_back();
    }
    if (!endpoint.empty()) {
      return endpoint;
    }
  }
  return fmt::format("https://sts.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

HttpOptions OptionsFor(const std::string& ca_bundle) {
  HttpOptions options = LocalServiceOptions();
  options.use_proxy = true;
  options.connect_timeout = std::chrono::milliseconds(3'100);  // one lost packet is sent again
  options.stall_timeout = std::chrono::seconds(10);
  options.ca_bundle = ca_bundle;
  return options;
}

// "https://host:port/path" into "host:port" and "/path".
std::pair<std::string, std::string> HostAndPath(const std::string& endpoint) {
  const size_t begin = std::min(endpoint.find("://") + 3, endpoint.size());
  const size_t slash = std::min(endpoint.find('/', begin), endpoint.size());
  const std::string path = endpoint.substr(slash);
  return {endpoint.substr(begin, slash - begin), path.empty() ? "/" : path};
}

arrow::Status Refused(const HttpReply& reply) {
  pugi::xml_document document;
  document.load_buffer(reply.body.data(), reply.body.size());
  const pugi::xml_node error = document.child("ErrorResponse").child("Error");
  const std::string_view code = error.child_value("Code");
  ErrorKind kind =
      reply.status >= 500 || reply.status == 429 ? ErrorKind::kTransient : ErrorKind::kDenied;
  if (code.empty()) {
    return MakeError(kind, Summary(reply));
  }
  std::string advice;
  for (const KnownCode& known : kKnownCodes) {
    if (known.code == code) {
      kind = known.kind;
      advice = fmt::format(": {}", known.advice);
    }
  }
  return MakeError(kind, fmt::format("HTTP {} {}{} (STS says: \"{}\")", reply.status, code, advice,
                                     error.child_value("Message")));
}

arrow::Result<Credentials> ReadReply(const char* action, const HttpReply& reply) {
  pugi::xml_document document;
  document.load_buffer(reply.body.data(), reply.body.size());
  const pugi::xml_node node = document.child(fmt::format("{}Response", action).c_str())
                                  .child(fmt::format("{}Result", action).c_str())
                                  .child("Credentials");
  Credentials credentials;
  credentials.access_key_id = node.child_value("AccessKeyId");
  credentials.secret_access_key = node.child_value("SecretAccessKey");
  credentials.session_token = node.child_value("SessionToken");
  const auto expiration = ParseUtc(node.child_value("Expiration"));
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      !expiration.ok()) {
    return MakeError(ErrorKind::kDenied,
                     "the reply holds no credentials; does the endpoint speak STS?");
  }
  credentials.expires_at = *expiration;
  return credentials;
}

class WebIdentityProvider : public CredentialsProvider {
 public:
  WebIdentityProvider(const Environment& environment, std::shared_ptr<Sts> sts)
      : environment_(environment), sts_(std::move(sts)) {}

  std::string place() const override { return "web identity"; }

  arrow::Result<Answer> Fetch() override {
    constexpr char kFile[] = "AWS_WEB_IDENTITY_TOKEN_FILE";
    const std::string& file = ValueOf(environment_, kFile);
    if (file.empty()) {
      return Answer{{}, fmt::format("{} is not set", kFile)};
    }
    Role role;
    role.arn = ValueOf(environment_, "AWS_ROLE_ARN");
    role.session_name = ValueOf(environment_, "AWS_ROLE_SESSION_NAME");
    if (role.arn.empty()) {
      return MakeError(ErrorKind::kNoCredentials,
                       fmt::format("{} is set, but AWS_ROLE_ARN is not", kFile));
    }
    ARROW_ASSIGN_OR_RAISE(const std::string token, ReadSmallFile(file, kFile));
    ARROW_ASSIGN_OR_RAISE(auto credentials, sts_->AssumeRoleWithWebIdentity(role, token));
    return Answer{std::move(credentials), ""};
  }

 private:
  const Environment environment_;
  const std::shared_ptr<Sts> sts_;
};

}  // namespace

Sts::Sts(const Environment& environment, const std::string& region, const std::string& ca_bundle,
         const Clock& clock)
    : region_(region),
      endpoint_(EndpointOf(environment, region)),
      clock_(clock),
      http_(OptionsFor(ca_bundle)) {}

arrow::Result<Credentials> Sts::AssumeRole(const Role& role, const Credentials& as) {
  Parameters parameters;
  if (!role.external_id.empty()) {
    parameters.emplace_back("ExternalId", role.external_id);
  }
  return Ask("AssumeRole", role, std::move(parameters), &as);
}

arrow::Result<Credentials> Sts::AssumeRoleWithWebIdentity(const Role& role,
                                                          const std::string& token) {
  return Ask("AssumeRoleWithWebIdentity", role, {{"WebIdentityToken", token}}, nullptr);
}

arrow::Result<Credentials> Sts::Ask(const char* action, const Role& role, Parameters parameters,
                                    const Credentials* sign_as) {
  parameters.emplace_back("Action", action);
  parameters.emplace_back("Version", kVersion);
  parameters.emplace_back("RoleArn", role.arn);
  parameters.emplace_back("RoleSessionName",
                          role.session_name.empty() ? kSessionName : role.session_name);
  if (!role.duration_seconds.empty()) {
    parameters.emplace_back("DurationSeconds", role.duration_seconds);
  }
  // In the body and not in the URL, which proxies and servers write into their logs.
  const auto body = Spool::FromBytes(CanonicalQuery(std::move(parameters)));
  const auto [host, path] = HostAndPath(endpoint_);
  HttpRequest request;
  request.method = "POST";
  request.url = endpoint_ + (endpoint_.ends_with(path) ? "" : path);
  request.body = body.get();
  request.headers = {{"content-type", kForm}};
  if (sign_as != nullptr) {
    SignedRequest sign;
    sign.method = request.method;
    sign.path = path;
    sign.service = "sts";
    sign.payload_sha256_hex = ToHex(body->sha256());
    sign.time = clock_.UtcNow();
    sign.headers = {{"content-type", kForm}, {"host", host}, {"x-amz-date", AmzDate(sign.time)}};
    if (!sign_as->session_token.empty()) {
      sign.headers.emplace_back("x-amz-security-token", sign_as->session_token);
    }
    request.headers.clear();
    for (const auto& [name, value] : sign.headers) {
      request.headers.push_back({name, value});
    }
    request.headers.push_back({"authorization", Authorization(sign, *sign_as, region_)});
  }
  auto reply = PerformPatiently(http_, request, kTriesMax);
  auto result = !reply.ok()            ? arrow::Result<Credentials>(reply.status())
                : reply->status == 200 ? ReadReply(action, *reply)
                                       : arrow::Result<Credentials>(Refused(*reply));
  if (!result.ok()) {
    return result.status().WithMessage(
        fmt::format("{} of {} at {}: {}", action, role.arn, endpoint_, result.status().message()));
  }
  return result;
}

std::unique_ptr<CredentialsProvider> MakeWebIdentityProvider(const Environment& environment,
                                                             std::shared_ptr<Sts> sts) {
  return std::make_unique<WebIdentityProvider>(environment, std::move(sts));
}

}  // namespace cdc::store

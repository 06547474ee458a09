#include "store/credentials/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/hidden.h"
#include "store/credentials/json.h"
#include "store/credentials/metadata_http.h"
#include "store/credentials/shared_files.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr char kRelativeUri[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr char kFullUri[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr char kToken[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr char kTokenFile[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr char kEcsAddress[] = "http://169.254.170.2";
constexpr int kTriesMax = 3;

std::string_view HostOf(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find_first_of("/?#"));
  if (url.starts_with('[')) {
    return url.substr(0, url.find(']') + 1);
  }
  return url.substr(0, url.find(':'));
}

bool IsLoopback(std::string_view host) {
  const bool address = std::all_of(host.begin(), host.end(),
                                   [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && address);
}

// The token is sent there, so it must be TLS, this machine, or the agents of ECS and EKS: what
// AWS's SDKs allow.
bool MayBeAsked(const std::string& url) {
  constexpr std::array<std::string_view, 3> kAgents = {"169.254.170.2", "169.254.170.23",
                                                       "[fd00:ec2::23]"};
  const std::string_view host = HostOf(url);
  if (url.find('@') != std::string::npos || host.empty()) {
    return false;
  }
  return url.starts_with("https://") ||
         (url.starts_with("http://") &&
          (IsLoopback(host) || std::find(kAgents.begin(), kAgents.end(), host) != kAgents.end()));
}

class ContainerProvider : public CredentialsProvider {
 public:
  explicit ContainerProvider(const Environment& environment)
      : environment_(environment), http_(LocalServiceOptions()) {}

  std::string place() const override { return "container"; }

  arrow::Result<Answer> Fetch() override {
    const std::string& relative = ValueOf(environment_, kRelativeUri);
    const std::string url =
        relative.empty() ? ValueOf(environment_, kFullUri) : kEcsAddress + relative;
    if (url.empty()) {
      return Answer{{}, fmt::format("neither {} nor {} is set", kRelativeUri, kFullUri)};
    }
    if (!MayBeAsked(url)) {
      return MakeError(
          ErrorKind::kNoCredentials,
          fmt::format("{} is {}: it must be https://, or http:// to this machine or to "
                      "the agent of ECS or EKS",
                      kFullUri, HideInUrl(url)));
    }
    HttpRequest request;
    request.method = "GET";
    request.url = url;
    ARROW_ASSIGN_OR_RAISE(const std::string token, Token());
    if (!token.empty()) {
      request.headers.push_back({"authorization", token});
    }
    const auto reply = PerformPatiently(http_, request, kTriesMax);
    if (!reply.ok()) {
      return reply.status().WithMessage(
          fmt::format("{}: {}", HideInUrl(url), reply.status().message()));
    }
    return Read(url, *reply);
  }

 private:
  arrow::Result<std::string> Token() const {
    const std::string& file = ValueOf(environment_, kTokenFile);
    std::string token = ValueOf(environment_, kToken);
    if (!file.empty()) {
      ARROW_ASSIGN_OR_RAISE(token, ReadSmallFile(file, kTokenFile));
    }
    if (token.find_first_of("\r\n") != std::string::npos) {
      return MakeError(
          ErrorKind::kNoCredentials,
          fmt::format("the token in {} has a line break in it", file.empty() ? kToken : file));
    }
    return token;
  }

  static arrow::Result<Answer> Read(const std::string& url, const HttpReply& reply) {
    if (reply.status != 200) {
      const bool transient = reply.status >= 500 || reply.status == 429;
      return MakeError(transient ? ErrorKind::kTransient : ErrorKind::kDenied,
                       fmt::format("{}: {}", HideInUrl(url), Summary(reply)));
    }
    const auto credentials = ParseCredentialsJson(reply.body, "Token");
    if (!credentials.ok()) {
      return credentials.status().WithMessage(
          fmt::format("{}: {}", HideInUrl(url), credentials.status().message()));
    }
    return Answer{*credentials, ""};
  }

  const Environment environment_;
  HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeContainerProvider(const Environment& environment) {
  return std::make_unique<ContainerProvider>(environment);
}

}  // namespace cdc::store

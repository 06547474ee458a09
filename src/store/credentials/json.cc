#include "store/credentials/json.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/utc_text.h"
#include "store/store.h"

namespace cdc::store {
namespace {

std::string TextOf(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

arrow::Result<Credentials> ParseCredentialsJson(const std::string& text,
                                                const std::string& token_name) {
  constexpr size_t kAnswerBytesMax = 256 << 10;  // session tokens have a few KiB
  const auto parsed = ParseJson(text, kAnswerBytesMax);
  if (!parsed.ok()) {
    return MakeError(ErrorKind::kNoCredentials,
                     fmt::format("the answer is no JSON object: {}", parsed.status().message()));
  }
  const Json& json = *parsed;
  if (!json.is_object()) {
    return MakeError(ErrorKind::kNoCredentials, "the answer is no JSON object");
  }
  // The instance metadata service says so; others have no such member.
  const std::string code = TextOf(json, "Code");
  if (!code.empty() && code != "Success") {
    return MakeError(ErrorKind::kNoCredentials, fmt::format("the answer has Code {}", code));
  }
  Credentials credentials;
  credentials.access_key_id = TextOf(json, "AccessKeyId");
  credentials.secret_access_key = TextOf(json, "SecretAccessKey");
  credentials.session_token = TextOf(json, token_name);
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return MakeError(ErrorKind::kNoCredentials, "the answer lacks AccessKeyId or SecretAccessKey");
  }
  if (const std::string expiration = TextOf(json, "Expiration"); !expiration.empty()) {
    const auto time = ParseUtc(expiration);
    if (!time.ok()) {
      return MakeError(ErrorKind::kNoCredentials,
                       fmt::format("the answer's Expiration {}", time.status().message()));
    }
    credentials.expires_at = *time;
  }
  return credentials;
}

}  // namespace cdc::store

#include "store/sigv4.h"

#include <arrow/util/logging.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "base/spool.h"

namespace cdc::store {
namespace {

std::string Hmac(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  ARROW_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data, text.size(), out,
                   &size) != nullptr);
  return {reinterpret_cast<const char*>(out), size};
}

std::string HexLower(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return hex;
}

// Blanks at the ends are dropped and runs of blanks become one, as the rules ask.
std::string CanonicalValue(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool repeated_blank = c == ' ' && (out.empty() || out.back() == ' ');
    if (!repeated_blank) {
      out += c;
    }
  }
  if (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  return out;
}

}  // namespace

std::string AmzDate(UtcTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(seconds));
}

std::string Authorization(const SignedRequest& request, const Credentials& credentials,
                          const std::string& region) {
  auto headers = request.headers;
  std::sort(headers.begin(), headers.end());
  std::string canonical_headers;
  std::string signed_names;
  for (const auto& [name, value] : headers) {
    canonical_headers += fmt::format("{}:{}\n", name, CanonicalValue(value));
    signed_names += (signed_names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, request.query,
                  canonical_headers, signed_names, request.payload_sha256_hex);
  const std::string date_time = AmzDate(request.time);
  const std::string date = date_time.substr(0, 8);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", date, region, request.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date_time, scope, ToHex(Sha256Of(canonical)));
  const std::string key =
      Hmac(Hmac(Hmac(Hmac("AWS4" + credentials.secret_access_key, date), region), request.service),
           "aws4_request");
  return fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                     credentials.access_key_id, scope, signed_names, HexLower(Hmac(key, to_sign)));
}

}  // namespace cdc::store

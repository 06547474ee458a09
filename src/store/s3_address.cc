#include "store/s3_address.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/store.h"

namespace cdc::store {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

bool FitsHostName(const std::string& bucket, bool tls) {
  return std::all_of(bucket.begin(), bucket.end(), [tls](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !tls);
  });
}

// https://docs.aws.amazon.com/general/latest/gr/s3.html
std::string AwsEndpoint(const S3AddressOptions& options) {
  const char* domain = options.region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return fmt::format("https://s3{}{}.{}.{}", options.use_fips ? "-fips" : "",
                     options.use_dualstack ? ".dualstack" : "", options.region, domain);
}

struct Endpoint {
  std::string scheme;
  std::string host;
  std::string path;
};

arrow::Result<Endpoint> ParseEndpoint(const std::string& text) {
  const size_t scheme_end = text.find("://");
  Endpoint endpoint;
  endpoint.scheme = scheme_end == std::string::npos ? "" : text.substr(0, scheme_end);
  const std::string rest = scheme_end == std::string::npos ? "" : text.substr(scheme_end + 3);
  const size_t slash = rest.find('/');
  endpoint.host = rest.substr(0, slash);
  endpoint.path = slash == std::string::npos ? "" : rest.substr(slash);
  while (endpoint.path.ends_with('/')) {
    endpoint.path.pop_back();
  }
  const bool known_scheme = endpoint.scheme == "http" || endpoint.scheme == "https";
  if (!known_scheme || endpoint.host.empty() || text.find_first_of("?#@ ") != std::string::npos) {
    return MakeError(
        ErrorKind::kPermanent,
        fmt::format("endpoint \"{}\" is not of the form http[s]://host[:port], such as "
                    "http://localhost:9000; leave it empty for AWS",
                    text));
  }
  const std::string own_port = endpoint.scheme == "http" ? ":80" : ":443";
  if (endpoint.host.ends_with(own_port)) {
    endpoint.host.resize(endpoint.host.size() - own_port.size());
  }
  return endpoint;
}

// Consoles of stores show a bucket's own address. The bucket is in the url already, so requests would
// go to a bucket of a bucket.
arrow::Status RefuseBucketInside(const Endpoint& endpoint, const std::string& bucket,
                                 const std::string& text) {
  Endpoint without = endpoint;
  if (endpoint.host.starts_with(bucket + ".s3")) without.host.erase(0, bucket.size() + 1);
  if (endpoint.path.ends_with("/" + bucket)) {
    without.path.resize(endpoint.path.size() - bucket.size() - 1);
  }
  if (without.host == endpoint.host && without.path == endpoint.path) return arrow::Status::OK();
  return MakeError(ErrorKind::kPermanent,
                   fmt::format("endpoint \"{}\" has the bucket {} in it, which the target's url "
                               "names already: set endpoint to {}://{}{}",
                               text, bucket, without.scheme, without.host, without.path));
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c) || (c == '/' && keep_slash)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> parameters) {
  std::sort(parameters.begin(), parameters.end());
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", UriEncode(name, false),
                         UriEncode(value, false));
  }
  return query;
}

arrow::Result<S3Location> LocateBucket(const std::string& bucket, const S3AddressOptions& options) {
  const std::string& endpoint = options.endpoint;
  ARROW_ASSIGN_OR_RAISE(const Endpoint parsed,
                        ParseEndpoint(endpoint.empty() ? AwsEndpoint(options) : endpoint));
  ARROW_RETURN_NOT_OK(RefuseBucketInside(parsed, bucket, endpoint));
  S3Location location;
  location.path = parsed.path;
  if (options.path_style || !FitsHostName(bucket, parsed.scheme == "https")) {
    location.host = parsed.host;
    location.path += "/" + bucket;
  } else {
    location.host = fmt::format("{}.{}", bucket, parsed.host);
  }
  location.origin = fmt::format("{}://{}", parsed.scheme, location.host);
  return location;
}

}  // namespace cdc::store

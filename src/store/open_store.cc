#include "store/open_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "store/directory_store.h"

namespace cdc::store {
namespace {

constexpr std::string_view kS3Scheme = "s3://";
constexpr std::string_view kFileScheme = "file://";

arrow::Status BadUrl(const std::string& url, const std::string& reason) {
  return MakeError(ErrorKind::kPermanent,
                   fmt::format("target url \"{}\": {}; a url is s3://bucket, s3://bucket/prefix or "
                               "file:///folder",
                               url, reason));
}

bool IsBucketName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

// Without slashes at its ends.
std::string Stripped(std::string prefix) {
  prefix.erase(0, std::min(prefix.find_first_not_of('/'), prefix.size()));
  while (prefix.ends_with('/')) {
    prefix.pop_back();
  }
  return prefix;
}

arrow::Result<std::unique_ptr<Store>> OpenS3Url(const std::string& url, S3Options options) {
  const std::string rest = url.substr(kS3Scheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  options.bucket = rest.substr(0, slash);
  options.prefix = Stripped(rest.substr(slash));
  if (!IsBucketName(options.bucket)) {
    return BadUrl(url, fmt::format("\"{}\" is no bucket name", options.bucket));
  }
  if (options.prefix.find("//") != std::string::npos) {
    return BadUrl(url, "the prefix has an empty part");
  }
  return OpenS3Store(std::move(options));
}

arrow::Result<std::unique_ptr<Store>> OpenFileUrl(const std::string& url, const Clock& clock) {
  const auto path = PercentDecode(url.substr(kFileScheme.size()));
  if (!path.ok()) {
    return BadUrl(url,
                  "a percent sign must be followed by two hex digits (%25 is the sign itself)");
  }
  if (!path->starts_with('/')) {
    return BadUrl(url, "the folder's whole path is needed, so there are three slashes");
  }
  return OpenDirectoryStore(*path, clock);
}

}  // namespace

arrow::Result<std::unique_ptr<Store>> OpenStore(const std::string& url, S3Options options) {
  if (url.starts_with(kS3Scheme)) {
    return OpenS3Url(url, std::move(options));
  }
  if (url.starts_with(kFileScheme)) {
    return OpenFileUrl(url, *options.clock);
  }
  if (url.starts_with('/')) {
    return BadUrl(url, fmt::format("for a folder write file://{}", url));
  }
  if (url.starts_with("http")) {
    return BadUrl(url, "the server's address goes into endpoint, the bucket into the url");
  }
  return BadUrl(url, url.empty() ? "it is empty" : "unknown scheme");
}

}  // namespace cdc::store

#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cdc::store {

// Encodes every byte but A-Z a-z 0-9 - . _ ~ as %XX, and '/' too unless it is to stay: the form
// that Signature Version 4 signs.
std::string UriEncode(std::string_view text, bool keep_slash);

// "a=1&b=2", encoded and sorted by name.
std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> parameters);

// Where requests for a bucket go.
struct S3Location {
  std::string origin;  // "https://lake.s3.eu-west-1.amazonaws.com"
  std::string host;    // the Host header: with the port unless it is the scheme's own
  std::string path;    // of the bucket, without a slash at its end: "" or "/lake"
};

// Where AWS itself is asked, and how a bucket's name is told.
struct S3AddressOptions {
  std::string region = {};
  std::string endpoint = {};
  bool path_style = false;
  bool use_fips = false;
  bool use_dualstack = false;
};

// An empty `endpoint` is AWS in `region`; else "http[s]://host[:port][/path]". A bucket whose name
// does not fit a TLS certificate's wildcard (dots) or a host name (upper case, '_') is addressed by
// path in any case. An endpoint that names the bucket itself is an error that says what to write.
arrow::Result<S3Location> LocateBucket(const std::string& bucket, const S3AddressOptions& options);

}  // namespace cdc::store

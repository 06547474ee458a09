#pragma once

#include <arrow/result.h>

#include <map>
#include <string>

#include "store/credentials/provider.h"

namespace cdc::store {

// "access_key_id" -> value; names in lower case.
using Profile = std::map<std::string, std::string>;

// AWS's two shared files as one: of a profile that is in both, the credentials file's values win.
struct SharedFiles {
  std::map<std::string, Profile> profiles;
  std::map<std::string, Profile> services;  // [services name]: "s3.endpoint_url" -> value
  std::string looked_at;  // "~/.aws/credentials (not there), ~/.aws/config", for messages
};

// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, or those in HOME/.aws. A file that is not there
// has no profiles; one that cannot be read or is no such file is an error (kNoCredentials) with its
// line.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
arrow::Result<SharedFiles> ReadSharedFiles(const Environment& environment);

// A token file, without line breaks at its end. kNoCredentials names `variable`, which names it.
arrow::Result<std::string> ReadSmallFile(const std::string& path, const std::string& variable);

}  // namespace cdc::store

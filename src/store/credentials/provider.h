#pragma once

#include <arrow/result.h>

#include <map>
#include <optional>
#include <string>

#include "store/credentials.h"

namespace cdc::store {

// Variables that AWS's own tools know (AWS_…), and HOME. An empty one counts as not set.
using Environment = std::map<std::string, std::string>;
const std::string& ValueOf(const Environment& environment, const std::string& name);

// What a place says when it is asked for credentials.
struct Answer {
  std::optional<Credentials> credentials;
  std::string why_not;  // when there are none: "AWS_WEB_IDENTITY_TOKEN_FILE is not set"
};

// One place where credentials can come from. Asks anew at every call and keeps nothing, so that
// renewed files and tokens count. Not thread-safe: CredentialsCache is.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;

  // "container", for messages.
  virtual std::string place() const = 0;
  // An answer without credentials: this place is not set up here, the next one may be. An error: it
  // is set up and does not work. Nobody may look further then: the next place would be another
  // identity than the one that was asked for. kNoCredentials: the settings are wrong; kDenied: the
  // place refused; kTransient: it could not be reached.
  virtual arrow::Result<Answer> Fetch() = 0;
};

}  // namespace cdc::store

#pragma once

#include <arrow/result.h>

#include <string>

#include "store/credentials.h"

namespace cdc::store {

// The JSON in which containers, instances and processes give credentials: AccessKeyId,
// SecretAccessKey, Expiration, and the session token under `token_name`. Errors (kNoCredentials)
// say what is missing and never hold any of the text, which may be secret.
arrow::Result<Credentials> ParseCredentialsJson(const std::string& text,
                                                const std::string& token_name);

}  // namespace cdc::store

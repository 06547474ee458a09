#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace cdc::store {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // only with temporary keys
  // Nothing: they do not expire, as far as the place that they come from says.
  std::optional<UtcTime> expires_at = std::nullopt;
};

}  // namespace cdc::store

#pragma once

#include <string>

namespace cdc::store {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // only with temporary keys
};

}  // namespace cdc::store

#pragma once

#include <string>

namespace cdc {

// `bytes` random bytes from the operating system as lower-case hex digits: owner and history ids.
std::string RandomHex(int bytes);

}  // namespace cdc

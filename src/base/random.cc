#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstdio>
#include <cstdlib>

namespace cdc {

std::string RandomHex(int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) {
    unsigned char byte = 0;
    if (getrandom(&byte, 1, 0) != 1) {
      std::fputs("the operating system gives no random numbers\n", stderr);
      std::abort();
    }
    out += fmt::format("{:02x}", byte);
  }
  return out;
}

}  // namespace cdc

// A TOML file of any bytes as the whole configuration: loaded, or refused with a message that names
// the file. What was loaded can be described, and no secret shows.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  const int file = memfd_create("settings.toml", 0);
  Require(file >= 0 && write(file, data, size) == static_cast<ssize_t>(size), "the file is there");
  cdc::config::Inputs inputs;
  inputs.toml_path = "/proc/self/fd/" + std::to_string(file);
  inputs.folder = "/nonexistent";
  constexpr char kSecret[] = "a password that nobody may see";
  inputs.environment = {{"SQL_SERVER_PASSWORD", kSecret}};
  const auto config = cdc::config::Load(inputs);
  if (config.ok()) {
    Require(cdc::config::Describe(*config).find(kSecret) == std::string::npos, "no secret shows");
    (void)cdc::config::Validate(*config);
  } else {
    Require(!config.status().message().empty(), "a refusal says why");
  }
  close(file);
  return 0;
}

// A TOML file of any bytes as the whole configuration: loaded, or refused with a message that names
// the file. What was loaded can be described, and the description is the same whatever the secret.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  const int file = memfd_create("settings.toml", 0);
  // Others may write a new memfd, and such settings are refused.
  Require(
      file >= 0 && fchmod(file, 0600) == 0 && write(file, data, size) == static_cast<ssize_t>(size),
      "the file is there");
  cdc::config::Inputs inputs;
  inputs.toml_path = "/proc/self/fd/" + std::to_string(file);
  inputs.folder = "/nonexistent";
  const auto load = [&](const char* secret) {
    inputs.environment = {{"SQL_SERVER_PASSWORD", secret}};
    return cdc::config::Load(inputs);
  };
  const auto config = load("a password");
  if (config.ok()) {
    // Not looked for as a text: libFuzzer learns what is compared, and writes it into the file.
    const auto other = load("another one");
    Require(other.ok() && Describe(*config) == Describe(*other), "no secret shows");
    (void)cdc::config::Validate(*config);
  } else {
    Require(!config.status().message().empty(), "a refusal says why");
  }
  close(file);
  return 0;
}

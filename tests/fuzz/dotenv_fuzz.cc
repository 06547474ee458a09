// A .env file of any bytes: read or refused; what is read names lines that are there, and
// interpolation ends.

#include <algorithm>

#include "config/dotenv.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto dotenv = cdc::config::ParseDotenv(text);
  if (!dotenv.ok()) return 0;
  // Carriage returns and the other breaks that Python knows count too, so this is an upper bound.
  const auto lines = static_cast<int>(size) + 1;
  for (const auto& entry : dotenv->entries) {
    Require(entry.line >= 1 && entry.line <= lines, "an entry's line is one of the file's");
  }
  for (const int line : dotenv->unreadable_lines) {
    Require(line >= 1 && line <= lines, "an unreadable line is one of the file's");
  }
  const auto values = cdc::config::Interpolate(*dotenv, {{"HOME", "/root"}, {"EMPTY", ""}});
  for (const auto& [name, value] : values) {
    const bool known = std::ranges::any_of(dotenv->entries, [&](const auto& entry) {
      return entry.name == name && entry.value.has_value();
    });
    Require(known, "a value belongs to an entry that has one");
  }
  return 0;
}

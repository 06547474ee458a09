#pragma once

#include <arrow/result.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cdc::config {

// One statement of a .env file, its value before interpolation. "NAME" without "=" has none.
struct DotenvEntry {
  std::string name;
  std::optional<std::string> value;
  int line = 0;  // of the name, from 1
};

struct Dotenv {
  std::vector<DotenvEntry> entries;
  std::vector<int> unreadable_lines;  // skipped, as python-dotenv does with a warning
};

// Reads a .env file as python-dotenv 1.2 does, quotes, escapes, comments and mistakes included.
// Invalid: not UTF-8.
arrow::Result<Dotenv> ParseDotenv(std::string_view text);

struct DotenvValue {
  std::string text;
  int line = 0;
};

// The names with a value, ${NAME} and ${NAME:-default} replaced as python-dotenv's load_dotenv()
// does: by the environment, else by what stands further up in the file, else by the default or
// nothing.
std::map<std::string, DotenvValue> Interpolate(
    const Dotenv& dotenv, const std::map<std::string, std::string>& environment);

}  // namespace cdc::config

#pragma once

#include <arrow/result.h>

#include <string>
#include <vector>

namespace cdc::config {

// One key of a TOML file, its value as text.
struct TomlSetting {
  enum class Type { kString, kInteger, kBoolean, kList, kOther };
  std::string name;  // "source.host", or "host" outside of any section
  std::string text;  // of a list of texts: a line break before each
  Type type = Type::kOther;
  int line = 0;
};

// Invalid: not readable, not TOML; the message has the path and the line.
arrow::Result<std::vector<TomlSetting>> ReadToml(const std::string& path);

}  // namespace cdc::config

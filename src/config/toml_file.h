#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace cdc::config {

// One key of a TOML file, its value as text.
struct TomlSetting {
  enum class Type { kString, kInteger, kBoolean, kList, kOther };
  // Sections and key; a quoted one may hold dots itself: {"table", "Person.*", "mask"}.
  std::vector<std::string> path;
  std::string text;               // of a list of texts: a line break before each
  std::vector<std::string> list;  // its elements
  Type type = Type::kOther;
  int line = 0;
  int column = 0;

  std::string name() const;  // "source.host", or "host" outside of any section
};

// As it stands in a TOML file: in quotes if it must be.
std::string TomlKey(std::string_view name);

// `shown`: what messages call the file. Invalid: not TOML; the message has the line, and nothing of
// a value, which may be a secret.
arrow::Result<std::vector<TomlSetting>> ParseToml(const std::string& text,
                                                  const std::string& shown);

}  // namespace cdc::config

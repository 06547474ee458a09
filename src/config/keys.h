#pragma once

#include <arrow/result.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace cdc::config {

// How a value is written in the TOML file.
enum class Kind { kText, kInteger, kBoolean, kDuration, kSize, kList };

// Everything about one key. The table in keys.cc is the only place that lists them.
struct Key {
  std::string name;  // "source.host"
  std::vector<std::string>
      other_names;  // environment names besides CDC_SOURCE_HOST, in order of rank
  Kind kind = Kind::kText;
  bool secret = false;  // never printed, and only from environment, .env or a file of its own
  std::string help;
  std::function<arrow::Status(std::string_view text, Config* config)> set;
  std::function<std::string(const Config&)> get;  // as `set` reads it
  // What of the value may be shown; all of it, if there is no such function.
  std::function<std::string(std::string_view)> hide = {};

  std::string section() const;           // "source"
  std::string environment_name() const;  // "CDC_SOURCE_HOST"
  std::string flag() const;              // "--host"; "" in [types], which has none
  // environment_name, then the others.
  std::vector<std::string> all_names() const;
};

const std::vector<Key>& Keys();
// Null for an unknown one.
const Key* FindKey(std::string_view name);

}  // namespace cdc::config

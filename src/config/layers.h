#pragma once

#include <arrow/result.h>

#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace cdc::config {

// Where a value comes from; a later one wins.
enum class Layer { kToml = 1, kDotenv, kEnvironment, kFlags };

struct Given {
  std::string text;
  std::string
      origin;  // "environment SQL_SERVER_HOST", ".env line 3", "cdc.toml line 2", "flag --host"
  Layer layer = Layer::kToml;
};

// What was given for each key, by its name; of several layers the winning one.
struct Layers {
  std::map<std::string, Given> given;
  std::vector<columns::OutputRule> rules;              // of [table."pattern"]
  std::map<std::string, std::string> aws_environment;  // as in Config
  std::vector<std::string> warnings;
};

// Reads every layer and knows every name, but does not look at values.
arrow::Result<Layers> ReadLayers(const Inputs& inputs);

}  // namespace cdc::config

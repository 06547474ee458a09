#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cdc::app {

// What is wrong with a command line that CLI11 refused, and what was probably meant. `words` are
// those after the program's name. Never repeats a word that may be a secret's value.
std::string ExplainUsage(const CLI::App& app, const std::vector<std::string>& words,
                         const CLI::ParseError& error);

}  // namespace cdc::app

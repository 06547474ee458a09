#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/verb.h"

namespace cdc::app {

// The words of a command line: one of the verbs, its flags, and settings given as flags.
class CommandLine {
 public:
  // In the order in which --help lists them; they outlive the object.
  explicit CommandLine(std::span<const Verb* const> verbs);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The exit code where there is nothing to run: help was asked for, or the words are wrong.
  std::optional<int> Parse(int argc, const char* const* argv);
  // What the words said, with settings from `environment` and files, too.
  int Run(std::map<std::string, std::string> environment) const;

 private:
  struct Prepared {
    const Verb* verb;
    CLI::App* words;
    Action run;
  };
  void Add(const Verb& verb);

  CLI::App app_{"The changes of a SQL Server database on S3 as Parquet, each exactly once.",
                "cdc-to-s3"};
  std::vector<Prepared> verbs_;
  std::string config_path_;
  std::map<std::string, std::string> settings_;  // "source.host" -> value
  bool json_ = false;
};

}  // namespace cdc::app

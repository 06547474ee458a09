#pragma once

#include <string>
#include <vector>

#include "config/config.h"

// The verbs of the command line, one file each. They return the exit code. With `json` they print
// one JSON document instead of text.
namespace cdc::app {

int Check(const config::Config& config, bool json);
struct RunOptions {
  bool once = false;       // up to the horizon at its start, then exit
  bool take_over = false;  // do not wait for the lease of another copy, alive or not
};
int Run(const config::Config& config, const RunOptions& how);
// `patterns`: as [source] tables; none: all captured tables.
int Tables(const config::Config& config, const std::vector<std::string>& patterns, bool json);

// `patterns`: over names of SQL types; none: all. Asks no server.
int Types(const config::Config& config, const std::vector<std::string>& patterns, bool json);

struct StatusOptions {
  bool offline = false;  // do not ask the server
  bool watch = false;    // until it is known whether the owner lives
  bool json = false;
};
int Status(const config::Config& config, const StatusOptions& options);

struct AcceptGapOptions {
  std::vector<std::string> tables;  // patterns; none: all
  bool all = false;
  bool yes = false;  // else it says what it would do
  bool json = false;
};
int AcceptGap(const config::Config& config, const AcceptGapOptions& options);

struct AdoptOptions {
  bool new_history = false;  // at [source] start
  bool yes = false;          // else it says what it would do
  bool json = false;
};
int Adopt(const config::Config& config, const AdoptOptions& options);

int PrintVersion(bool json);

}  // namespace cdc::app

#pragma once

#include "config/config.h"

// The verbs of the command line, one file each. They return the exit code.
namespace cdc::app {

int Check(const config::Config& config);
// `once`: up to the horizon at its start, then exit.
int Run(const config::Config& config, bool once);
int Status(const config::Config& config);

}  // namespace cdc::app

#pragma once

#include <arrow/result.h>

#include <memory>

#include "app/wiring.h"
#include "capture/context.h"
#include "config/config.h"
#include "source/source.h"

namespace cdc::app {

// Both sides, connected, for a verb that may change the state.
struct Operation {
  Stores stores;
  std::unique_ptr<source::Source> source;
  capture::Options options;
};

// `change`: it will write; then the target must keep the conditions that a swap needs.
arrow::Result<Operation> BeginOperation(const config::Config& config, bool change);

}  // namespace cdc::app

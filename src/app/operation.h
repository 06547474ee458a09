#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>
#include <vector>

#include "app/wiring.h"
#include "capture/context.h"
#include "config/config.h"
#include "source/source.h"
#include "state/document.h"

namespace cdc::app {

// Both sides, connected, for a verb that may change the state.
struct Operation {
  Stores stores;
  std::unique_ptr<source::Source> source;
  capture::Options options;
};

// `change`: it will write; then the target must keep the conditions that a swap needs.
arrow::Result<Operation> BeginOperation(const config::Config& config, bool change);

// The document that the settings mean; an error where there is none.
arrow::Result<state::Document> ReadDocument(const Operation& operation);
// The document's tables that a run with these settings reads.
std::vector<std::string> ReadTables(const Operation& operation, const state::Document& document);
// Those of them that a word of the command line means; an error where it means none.
arrow::Result<std::vector<std::string>> Meant(const std::string& word,
                                              const state::Document& document,
                                              const std::vector<std::string>& known);
// The same of all words, each table once; no words: all that are known.
arrow::Result<std::vector<std::string>> AllMeant(const std::vector<std::string>& words,
                                                 const state::Document& document,
                                                 const std::vector<std::string>& known);

}  // namespace cdc::app

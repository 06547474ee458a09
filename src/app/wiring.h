#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "capture/context.h"
#include "config/config.h"
#include "source/sql_server.h"
#include "store/store.h"

// From a configuration to the things that it names.
namespace cdc::app {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitAttention = 3;  // done, but a table needs somebody

struct Stores {
  std::unique_ptr<store::Store> data;
  std::unique_ptr<store::Store> local_state;  // only with [target] state = "file:///…"
  std::string credentials_from;               // "web identity"; "" where none are needed

  store::Store& state() const { return local_state ? *local_state : *data; }
  // What the operator should know of the target though nothing failed; each said once.
  std::vector<std::string> TakeNotes() const { return data->TakeNotes(); }
};

// Has credentials when it returns; the stores themselves have not been asked anything.
arrow::Result<Stores> OpenStores(const config::Config& config);
source::SqlServerOptions SourceOptions(const config::Config& config);
capture::Options CaptureOptions(const config::Config& config, const std::string& database);

// Peak memory in bytes as the settings bound it, what one value of max_value_bytes adds to it (each
// in its row), and both as a sentence.
int64_t PeakMemoryBytes(const config::Config& config);
int64_t LongValueBytes(const config::Config& config);
std::string MemoryFormula(const config::Config& config);

// Whether large objects can grow in [run] temp_dir; tried, because it matters late otherwise.
arrow::Status CheckTempDir(const config::Config& config);

// For a verb that ends with this error: wrong configuration, or failed.
int ExitCodeOf(const arrow::Status& status);

// The message of an error, on stderr.
void PrintError(const arrow::Status& status);

// Whether the target keeps the conditions that the state document needs; an error says what helps.
arrow::Status RequireConditions(const Stores& stores);

const char* Version();

}  // namespace cdc::app

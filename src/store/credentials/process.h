#pragma once

#include <arrow/result.h>

#include <chrono>
#include <string>

#include "store/credentials/provider.h"

namespace cdc::store {

inline constexpr std::chrono::milliseconds kProcessTimeout{60'000};

// Runs a profile's credential_process with the shell, `variables` added to this program's
// environment, and reads what it writes. kNoCredentials with the end of what it said on stderr: it
// failed, took longer than `timeout` (it is killed then), or wrote something else. What it writes
// on stdout is never shown.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
arrow::Result<Credentials> RunCredentialProcess(const std::string& command,
                                                const Environment& variables,
                                                std::chrono::milliseconds timeout);

}  // namespace cdc::store

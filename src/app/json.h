#pragma once

#include <arrow/status.h>

#include <nlohmann/json.hpp>

namespace cdc::app {

// Members stand in the order in which they were added; their names stay the same from release to
// release (--help lists them).
using Json = nlohmann::ordered_json;

// The one document on stdout.
void PrintJson(const Json& json);

// The end of a verb that failed: the message on stderr and, for a program that asked for JSON, as
// {"error": "…"} on stdout. The exit code.
int Fail(const arrow::Status& status, bool json);

}  // namespace cdc::app

#pragma once

#include <arrow/result.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cdc {

// "500ms", "60s", "5m", "1h30m", "7d": whole numbers with a unit each, larger units first. A number
// without a unit is Invalid, and the message offers it with one.
arrow::Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
// What ParseDuration reads back: "1h30m", "500ms", "0s".
std::string FormatDuration(std::chrono::milliseconds duration);

// "128MiB", "128 MB", "64KiB", "1_000_000" (bytes). KiB, MiB, GiB, TiB are powers of 1024; KB, MB,
// GB, TB powers of 1000; letters in either case. "128M" is Invalid: it could be either.
arrow::Result<int64_t> ParseSize(std::string_view text);
// What ParseSize reads back: "128MiB", "1000000".
std::string FormatSize(int64_t bytes);

// A whole number, '_' between digits allowed as in TOML.
arrow::Result<int64_t> ParseInteger(std::string_view text);

}  // namespace cdc

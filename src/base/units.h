#pragma once

#include <arrow/result.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cdc {

// "500ms", "60s", "5m", "1h30m", "7d": whole numbers with a unit each, larger units first; blanks
// may stand between them, and min for m, so that what HumanDuration says can be read, too. A number
// without a unit is Invalid, and the message offers it with one.
arrow::Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
// What ParseDuration reads back, exactly, as settings are written: "1h30m", "500ms", "0s".
std::string FormatDuration(std::chrono::milliseconds duration);
// As people read it, rounded: "0.4 s", "12 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". Negative
// counts as 0.
std::string HumanDuration(std::chrono::duration<double> duration);

// "128MiB", "128 MB", "64KiB", "1_000_000" (bytes). KiB, MiB, GiB, TiB are powers of 1024; KB, MB,
// GB, TB powers of 1000; letters in either case. "128M" is Invalid: it could be either.
arrow::Result<int64_t> ParseSize(std::string_view text);
// What ParseSize reads back: "128MiB", "1000000".
std::string FormatSize(int64_t bytes);

// A whole number, '_' between digits allowed as in TOML.
arrow::Result<int64_t> ParseInteger(std::string_view text);

}  // namespace cdc

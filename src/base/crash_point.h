#pragma once

namespace cdc {

// A named place at which tests kill the program: with CDC_CRASH_AT=<name>:<n> in the environment
// the n-th passage (from 1) is a kill -9 of the own process; otherwise it costs one comparison.
void CrashPoint(const char* name);

}  // namespace cdc

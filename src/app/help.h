#pragma once

#include <string>

#include "app/verb.h"

namespace cdc::app {

// What --help says below a verb's options; the reference of the command line.
std::string Footer(const Verb& verb);

}  // namespace cdc::app

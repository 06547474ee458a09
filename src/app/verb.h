#pragma once

#include <functional>

#include "config/config.h"

namespace CLI {
class App;
}

namespace cdc::app {

// What a verb must know before it can begin.
enum class Needs {
  kNothing,         // not even settings
  kSettings,        // whatever is set
  kSourceAndTarget  // settings that are enough for a run
};

// What a verb does, with the flags that were given for it. Returns the exit code. With `json` it
// prints one JSON document instead of text.
using Action = std::function<int(const config::Config& config, bool json)>;

// One verb of the command line: all that main, --help and messages about wrong usage know of it.
struct Verb {
  const char* name;
  const char* summary;     // one line, for the list of verbs
  const char* about;       // two or three lines
  const char* example;     // commands, one a line
  const char* exit_codes;  // what they mean here
  const char* json = "";   // the members of its JSON document; "" where there is none
  Needs needs = Needs::kSourceAndTarget;
  bool lists_all_settings = false;  // in its help
  // Adds the flags that it alone takes; those for settings and --json are there already.
  Action (*prepare)(CLI::App& flags);
};

}  // namespace cdc::app

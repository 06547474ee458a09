#include <malloc.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>

#include "app/command_line.h"
#include "app/verb.h"

extern char** environ;

namespace cdc::app {

// Each in a file of its own in app/verbs/; in the order in which --help lists them.
extern const Verb kCheckVerb, kRunVerb, kTablesVerb, kTypesVerb, kStatusVerb, kAcceptGapVerb,
    kFollowVerb, kAdoptVerb, kVersionVerb;

namespace {

constexpr const Verb* kVerbs[] = {&kCheckVerb,  &kRunVerb,    &kTablesVerb,
                                  &kTypesVerb,  &kStatusVerb, &kAcceptGapVerb,
                                  &kFollowVerb, &kAdoptVerb,  &kVersionVerb};

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

}  // namespace

}  // namespace cdc::app

int main(int argc, char** argv) {
  // Arrow's own allocators keep tens of MB resident behind one row group's work; the C library's
  // does not.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0);
  // Buffers of long values go back to the system when they are freed. By default the first one that
  // is freed raises this bound to its size (up to 32 MiB), and later ones stay resident.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  std::signal(SIGPIPE, SIG_IGN);  // a server that hangs up is an error value, not the end
  cdc::app::CommandLine line(cdc::app::kVerbs);
  if (const auto code = line.Parse(argc, argv)) return *code;
  return line.Run(cdc::app::Environment());
}

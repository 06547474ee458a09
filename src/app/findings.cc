#include "app/findings.h"

#include <fmt/format.h>

#include "app/wiring.h"

namespace cdc::app {

void Findings::Section(const std::string& name) { fmt::print("{}\n", name); }
void Findings::Good(const std::string& what) { fmt::print("  ok    {}\n", what); }
void Findings::Note(const std::string& what) { fmt::print("  note  {}\n", what); }

void Findings::Bad(const std::string& what) {
  fmt::print("  BAD   {}\n", what);
  bad_.push_back(what);
}

int Findings::Conclude() const {
  if (bad_.empty()) {
    fmt::print("\nEverything is in place: cdc-to-s3 run\n");
    return kExitDone;
  }
  fmt::print("\nTo fix:\n");
  for (size_t i = 0; i < bad_.size(); ++i) fmt::print("  {}. {}\n", i + 1, bad_[i]);
  return kExitFailed;
}

}  // namespace cdc::app

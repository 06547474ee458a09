#include "base/own_variables.h"

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "base/mutex.h"

namespace cdc {
namespace {

struct State {
  Mutex mutex;
  std::map<std::string, std::optional<std::string>> before GUARDED_BY(mutex);
};

State& TheState() {
  static State state;
  return state;
}

}  // namespace

void SetOwnVariable(const std::string& name, const std::string& value) {
  State& state = TheState();
  const MutexLock lock(state.mutex);
  const char* current = std::getenv(name.c_str());
  if (current != nullptr && value == current) return;
  state.before.try_emplace(name,
                           current != nullptr ? std::optional<std::string>(current) : std::nullopt);
  ::setenv(name.c_str(), value.c_str(), /*replace=*/1);
}

void RestoreVariable(const std::string& name) {
  State& state = TheState();
  const MutexLock lock(state.mutex);
  const auto found = state.before.find(name);
  if (found == state.before.end()) return;
  if (found->second) {
    ::setenv(name.c_str(), found->second->c_str(), /*replace=*/1);
  } else {
    ::unsetenv(name.c_str());
  }
  state.before.erase(found);
}

std::vector<std::string> InheritedEnvironment() {
  State& state = TheState();
  const MutexLock lock(state.mutex);
  std::vector<std::string> inherited;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!state.before.contains(text.substr(0, text.find('=')))) inherited.push_back(text);
  }
  for (const auto& [name, value] : state.before) {
    if (value) inherited.push_back(name + "=" + *value);
  }
  return inherited;
}

}  // namespace cdc

#include "base/crash_point.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

namespace cdc {

namespace {

struct CrashPlan {
  std::string name;
  long passage = 1;
};

CrashPlan ReadPlan() {
  const char* text = std::getenv("CDC_CRASH_AT");
  if (text == nullptr) return {};
  const std::string plan = text;
  const size_t colon = plan.rfind(':');
  if (colon == std::string::npos) return {plan, 1};
  return {plan.substr(0, colon), std::strtol(plan.c_str() + colon + 1, nullptr, 10)};
}

}  // namespace

void CrashPoint(const char* name) {
  static CrashPlan plan = ReadPlan();
  if (plan.name.empty() || plan.name != name) return;
  if (--plan.passage == 0) kill(getpid(), SIGKILL);
}

}  // namespace cdc

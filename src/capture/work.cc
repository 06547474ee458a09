#include "capture/work.h"

#include <chrono>

namespace cdc::capture {

namespace {

using arrow::Status;

constexpr std::chrono::milliseconds kLeaseLook{200};

}  // namespace

Status Work::Gather() {
  while (executor_.under_way() > 0) {
    const auto then = executor_.Wait(kLeaseLook);
    Status done = then ? (*then)() : Status::OK();
    if (done.ok()) done = held_.KeepLease();
    if (!done.ok()) {
      Abandon();
      return done;
    }
  }
  return stop_ ? Status::Cancelled("stopped") : Status::OK();
}

void Work::Abandon() {
  *abandoned_ = true;
  if (executor_.under_way() > 0) {
    sources_.Cancel();
    polling_.Cancel();
  }
  executor_.Abandon();
  *abandoned_ = false;
}

std::function<bool()> Work::Useless() const {
  return [abandoned = abandoned_, &stop = stop_] { return stop.load() || abandoned->load(); };
}

}  // namespace cdc::capture

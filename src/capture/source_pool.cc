#include "capture/source_pool.h"

namespace cdc::capture {

using arrow::Result;
using arrow::Status;

Result<SourcePool::Lease> SourcePool::Borrow(const Lsn& through, const std::string& guid) {
  ARROW_ASSIGN_OR_RAISE(auto source, Take());
  Lease lease(*this, std::move(source));
  const Status joined = lease->Join(through);
  if (!joined.ok()) {
    // Behind a listener the next connection may reach a replica that does not lag.
    lease.Discard();
    return joined;
  }
  ARROW_ASSIGN_OR_RAISE(const auto identity, lease->Identify());
  if (!guid.empty() && !identity.guid.empty() && identity.guid != guid) {
    return Status::IOError("a further connection to ", identity.server_name,
                           " leads to another database of the name ", identity.name,
                           " (service_broker_guid ", identity.guid, " instead of ", guid,
                           "): do the addresses of the host name belong to one server?");
  }
  return lease;
}

Result<std::unique_ptr<source::Source>> SourcePool::Take() {
  std::unique_ptr<source::Source> source;
  {
    const MutexLock lock(mutex_);
    if (!free_.empty()) {
      source = std::move(free_.back());
      free_.pop_back();
      lent_.insert(source.get());
    }
  }
  if (source) return source;
  ARROW_ASSIGN_OR_RAISE(source, connect_());
  const MutexLock lock(mutex_);
  lent_.insert(source.get());
  return source;
}

void SourcePool::Return(std::unique_ptr<source::Source> source) {
  const MutexLock lock(mutex_);
  lent_.erase(source.get());
  free_.push_back(std::move(source));
}

void SourcePool::Forget(source::Source* source) {
  const MutexLock lock(mutex_);
  lent_.erase(source);
}

void SourcePool::Cancel() {
  const MutexLock lock(mutex_);
  for (source::Source* source : lent_) source->Cancel();
}

}  // namespace cdc::capture

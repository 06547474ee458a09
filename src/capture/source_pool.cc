#include "capture/source_pool.h"

#include "base/fault.h"

namespace cdc::capture {

using arrow::Result;
using arrow::Status;

namespace {

Status LeadsElsewhere(const source::DatabaseIdentity& identity, const std::string& guid) {
  if (guid.empty() || identity.guid.empty() || identity.guid == guid) return Status::OK();
  // It may have got the other id since the round began: the next one judges it.
  return TransientFault("a further connection to " + identity.server_name +
                        " leads to another database of the name " + identity.name +
                        " (service_broker_guid " + identity.guid + " instead of " + guid +
                        "): do the addresses of the host name belong to one server?");
}

}  // namespace

Result<SourcePool::Lease> SourcePool::Borrow(const Lsn& through, const std::string& guid) {
  for (;;) {
    bool is_new = false;
    ARROW_ASSIGN_OR_RAISE(auto source, Take(&is_new));
    Lease lease(*this, std::move(source));
    const Status joined = lease->Join(through);
    if (!joined.ok()) {
      // Behind a listener the next connection may reach a replica that does not lag.
      lease.Discard();
      return joined;
    }
    ARROW_ASSIGN_OR_RAISE(const auto identity, lease->Identify());
    const Status elsewhere = LeadsElsewhere(identity, guid);
    if (elsewhere.ok()) return lease;
    // One that was made before the database got another id is made anew.
    lease.Discard();
    if (is_new) return elsewhere;
  }
}

Result<std::unique_ptr<source::Source>> SourcePool::Take(bool* is_new) {
  std::unique_ptr<source::Source> source;
  {
    const MutexLock lock(mutex_);
    if (!free_.empty()) {
      source = std::move(free_.back());
      free_.pop_back();
      lent_.insert(source.get());
    }
  }
  *is_new = source == nullptr;
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

#include "store/credentials/cache.h"

#include <fmt/format.h>

#include <utility>

#include "store/store.h"

namespace cdc::store {

CredentialsCache::CredentialsCache(std::unique_ptr<CredentialsProvider> provider,
                                   const Clock& clock)
    : provider_(std::move(provider)), clock_(clock) {}

std::string CredentialsCache::place() const {
  const MutexLock asking(asking_);
  return provider_->place();
}

bool CredentialsCache::IsDue(UtcTime now) const {
  if (!held_) {
    return true;
  }
  const auto& expires_at = held_->credentials.expires_at;
  return expires_at && now + kRefreshBefore >= *expires_at;
}

bool CredentialsCache::IsUsable(UtcTime now) const {
  return held_ &&
         (!held_->credentials.expires_at || now + kUsableBefore < *held_->credentials.expires_at);
}

arrow::Result<CredentialsCache::Held> CredentialsCache::Get() {
  MutexLock lock(mutex_);
  if (!IsDue(clock_.UtcNow())) {
    return *held_;
  }
  if (IsUsable(clock_.UtcNow())) {
    // What came of it does not matter yet; a failure is met again when they are not usable any
    // more.
    if (clock_.MonotonicNow() >= not_before_ && asking_.TryLock()) {
      static_cast<void>(Ask());
      asking_.Unlock();
    }
    return *held_;
  }
  lock.Unlock();
  const MutexLock asking(asking_);
  lock.Lock();
  if (clock_.MonotonicNow() < not_before_) {  // another thread has just asked
    ARROW_RETURN_NOT_OK(last_failure_);
    return *held_;
  }
  ARROW_RETURN_NOT_OK(Ask());
  return *held_;
}

arrow::Result<bool> CredentialsCache::Renew(int64_t generation) {
  const MutexLock asking(asking_);
  MutexLock lock(mutex_);
  if (held_ && held_->generation != generation) {
    return true;
  }
  if (clock_.MonotonicNow() < not_before_) {
    return false;
  }
  const std::string before = held_ ? held_->credentials.access_key_id : "";
  const std::string token = held_ ? held_->credentials.session_token : "";
  ARROW_RETURN_NOT_OK(Ask());
  return held_->credentials.access_key_id != before || held_->credentials.session_token != token;
}

arrow::Status CredentialsCache::Ask() {
  mutex_.Unlock();
  auto answer = provider_->Fetch();
  mutex_.Lock();
  last_failure_ = Keep(std::move(answer));
  not_before_ =
      clock_.MonotonicNow() + (last_failure_.ok() ? std::chrono::nanoseconds(kPauseBetween)
                                                  : std::chrono::nanoseconds(kPauseAfterFailure));
  return last_failure_;
}

arrow::Status CredentialsCache::Keep(arrow::Result<Answer> answer) {
  ARROW_RETURN_NOT_OK(answer.status());
  if (answer->credentials) {
    held_ = Held{*std::move(answer->credentials), held_ ? held_->generation + 1 : 1};
    return arrow::Status::OK();
  }
  if (held_) {
    return MakeError(
        ErrorKind::kTransient,
        fmt::format("the credentials have expired, and {}, where they came from, has no "
                    "new ones: {}",
                    provider_->place(), answer->why_not));
  }
  return MakeError(ErrorKind::kNoCredentials, answer->why_not);
}

}  // namespace cdc::store

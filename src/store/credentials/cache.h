#pragma once

#include <arrow/result.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/credentials.h"
#include "store/credentials/provider.h"

namespace cdc::store {

// The credentials in use, for all threads: asked for once, and again some minutes before they
// expire, by one thread, while the others go on with the old ones. If the place cannot be reached
// then, the old ones serve until they have expired.
class CredentialsCache {
 public:
  static constexpr std::chrono::minutes kRefreshBefore{5};
  // Closer to the end than this, everybody waits for new ones.
  static constexpr std::chrono::minutes kUsableBefore{1};
  // At least so long from one question to the next, whatever the answers say.
  static constexpr std::chrono::seconds kPauseBetween{10};
  static constexpr std::chrono::seconds kPauseAfterFailure{2};

  struct Held {
    Credentials credentials;
    int64_t generation = 0;  // grows with every answer
  };

  CredentialsCache(std::unique_ptr<CredentialsProvider> provider, const Clock& clock);

  // Errors as CredentialsProvider::Fetch; no credentials anywhere is kNoCredentials.
  arrow::Result<Held> Get();
  // The store says that the credentials of this generation have expired, whatever they say of
  // themselves. True: there are newer ones now. At most one question per kPauseBetween.
  arrow::Result<bool> Renew(int64_t generation);

  // Where they come from: "web identity".
  std::string place() const;

 private:
  bool IsDue(UtcTime now) const REQUIRES(mutex_);
  bool IsUsable(UtcTime now) const REQUIRES(mutex_);
  // Gives mutex_ up while the provider is asked.
  arrow::Status Ask() REQUIRES(asking_, mutex_);
  arrow::Status Keep(arrow::Result<Answer> answer) REQUIRES(asking_, mutex_);

  const std::unique_ptr<CredentialsProvider> provider_;
  const Clock& clock_;
  mutable Mutex asking_;  // held by the one thread that asks; taken before mutex_
  mutable Mutex mutex_;
  std::optional<Held> held_ GUARDED_BY(mutex_);
  std::chrono::nanoseconds not_before_ GUARDED_BY(mutex_){0};  // monotonic
  arrow::Status last_failure_ GUARDED_BY(mutex_);
};

}  // namespace cdc::store

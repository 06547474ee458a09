#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "capture/executor.h"
#include "capture/held_document.h"
#include "capture/source_pool.h"
#include "source/source.h"

namespace cdc::capture {

// The work under way, and waiting for it without losing the lease. Only the thread of the rounds
// calls it; all that it is given must outlive it.
class Work {
 public:
  Work(Executor& executor, SourcePool& sources, source::Source& polling,
       const std::atomic<bool>& stop, HeldDocument& held)
      : executor_(executor), sources_(sources), polling_(polling), stop_(stop), held_(held) {}

  // Waits for all that was posted, keeping the lease.
  arrow::Status Gather();
  // One call of the polling connection, which may take as long as a lock is held: others must not
  // think meanwhile that this program is gone.
  template <typename T>
  arrow::Result<T> Ask(const std::function<arrow::Result<T>()>& call) {
    std::optional<arrow::Result<T>> answer;
    executor_.Post(Executor::Lane::kRead, [&answer, &call] {
      answer = call();
      return [] { return arrow::Status::OK(); };
    });
    ARROW_RETURN_NOT_OK(Gather());
    return std::move(*answer);
  }
  // Gives up what was posted: its results are of no use any more.
  void Abandon();
  // For a task that begins now: whether what it does is of no use any more. Any thread may ask, as
  // long as `stop` lives.
  std::function<bool()> Useless() const;

 private:
  Executor& executor_;
  SourcePool& sources_;
  source::Source& polling_;
  const std::atomic<bool>& stop_;
  HeldDocument& held_;
  std::shared_ptr<std::atomic<bool>> abandoned_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace cdc::capture

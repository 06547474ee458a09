#pragma once

#include <arrow/status.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace cdc::capture {

// Work beside the thread of the rounds. A task runs on a thread of its lane and shares nothing with
// the rounds but what may be used from several threads; what it returns runs afterwards on the
// rounds' own thread, which alone touches the state document and what is remembered of tables. So
// there are no locks to think about, and a simulation can run the same code on one thread.
class Executor {
 public:
  using Then = std::function<arrow::Status()>;
  using Task = std::function<Then()>;
  // Reading a table must not wait until another one's object has been put, nor the other way round.
  enum class Lane { kRead, kPut };

  virtual ~Executor() = default;
  virtual void Post(Lane lane, Task task) = 0;
  // What a task that has ended left to do; nothing when none ended in time, or none is under way.
  virtual std::optional<Then> Wait(std::chrono::nanoseconds at_most) = 0;
  // Posted, and not yet handed out by Wait.
  virtual size_t under_way() const = 0;
  // Waits for tasks that have begun, forgets the others and all that they left to do.
  virtual void Abandon() = 0;
};

// Up to `threads_per_lane` threads in each lane, made when they are needed.
std::unique_ptr<Executor> MakeThreads(size_t threads_per_lane);

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "source/source.h"

namespace cdc::capture {

// Connections of the workers, beside the one that polls. Made when they are needed, kept for the
// next round. May be used from several threads.
class SourcePool {
 public:
  using Connect = std::function<arrow::Result<std::unique_ptr<source::Source>>()>;
  explicit SourcePool(Connect connect) : connect_(std::move(connect)) {}

  // A connection while it is held, for one thread.
  class Lease {
   public:
    Lease(SourcePool& pool, std::unique_ptr<source::Source> source)
        : pool_(&pool), source_(std::move(source)) {}
    ~Lease() {
      if (source_) pool_->Return(std::move(source_));
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    // It is not of use to anybody any more.
    void Discard() {
      pool_->Forget(source_.get());
      source_.reset();
    }
    source::Source* operator->() const { return source_.get(); }
    source::Source& operator*() const { return *source_; }

   private:
    SourcePool* pool_;
    std::unique_ptr<source::Source> source_;
  };

  // One whose server has seen `through`, and that is of the database `guid` ("": unknown).
  arrow::Result<Lease> Borrow(const Lsn& through, const std::string& guid);
  // Breaks off whatever runs on any of them.
  void Cancel();

 private:
  arrow::Result<std::unique_ptr<source::Source>> Take(bool* is_new);
  void Return(std::unique_ptr<source::Source> source);
  void Forget(source::Source* source);

  const Connect connect_;
  Mutex mutex_;
  std::vector<std::unique_ptr<source::Source>> free_ GUARDED_BY(mutex_);
  std::set<source::Source*> lent_ GUARDED_BY(mutex_);
};

}  // namespace cdc::capture

#pragma once

#include <arrow/result.h>

#include <mutex>
#include <string>

#include "store/files.h"

namespace cdc::store {

// A lock file between threads and processes (flock), released with its holder, also when that is
// killed.
class FolderLock {
 public:
  // Held until it is destroyed.
  class Guard {
   public:
    Guard(std::unique_lock<std::timed_mutex> thread, File file)
        : thread_(std::move(thread)), file_(std::move(file)) {}

   private:
    std::unique_lock<std::timed_mutex> thread_;
    File file_;
  };

  // `path` is made when somebody wants to write; its folder must be there then.
  explicit FolderLock(std::string path) : path_(std::move(path)) {}

  // kTransient when others hold it for half a minute.
  arrow::Result<Guard> ForWriting();
  // Needs no right to write. Where nobody has written yet there is nothing to lock.
  arrow::Result<Guard> ForReading();

 private:
  arrow::Result<Guard> Lock(int open_flags, int operation);

  const std::string path_;
  std::timed_mutex threads_;  // so that only processes wait by polling
};

}  // namespace cdc::store

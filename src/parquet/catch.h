#pragma once

#include <arrow/status.h>
#include <parquet/exception.h>

#include <exception>
#include <new>
#include <utility>

namespace cdc::pq {

// Runs `body` (which returns a Status) and turns what Parquet throws into a Status: exceptions of
// the library never leave this room. A failure of our own sink comes back unchanged.
template <typename Body>
arrow::Status CatchParquet(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const ::parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::bad_alloc&) {
    return arrow::Status::OutOfMemory("out of memory in Parquet");
  } catch (const std::exception& error) {
    return arrow::Status::IOError(error.what());
  }
}

}  // namespace cdc::pq

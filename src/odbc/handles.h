#pragma once

#include <arrow/result.h>
#include <sql.h>
#include <sqlext.h>

#include <utility>
#include <vector>

#include "odbc/driver_lookup.h"

namespace cdc::odbc {

// Owns one ODBC handle; frees it. Move-only.
template <SQLSMALLINT kType>
class UniqueHandle {
 public:
  UniqueHandle() = default;
  UniqueHandle(UniqueHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~UniqueHandle() {
    if (handle_ == nullptr) return;
    if constexpr (kType == SQL_HANDLE_DBC) SQLDisconnect(handle_);
    SQLFreeHandle(kType, handle_);
  }

  static arrow::Result<UniqueHandle> Allocate(SQLHANDLE parent) {
    UniqueHandle made;
    if (!SQL_SUCCEEDED(SQLAllocHandle(kType, parent, &made.handle_))) {
      return arrow::Status::OutOfMemory("unixODBC could not allocate a handle");
    }
    return made;
  }
  SQLHANDLE get() const { return handle_; }

 private:
  SQLHANDLE handle_ = nullptr;
};

using ConnectionHandle = UniqueHandle<SQL_HANDLE_DBC>;
using StatementHandle = UniqueHandle<SQL_HANDLE_STMT>;

// ODBC 3 behaviour. One per connection, so that connections share nothing.
class Environment {
 public:
  static arrow::Result<Environment> Make();
  SQLHANDLE get() const { return handle_.get(); }
  std::vector<RegisteredDriver> RegisteredDrivers() const;

 private:
  UniqueHandle<SQL_HANDLE_ENV> handle_;
};

}  // namespace cdc::odbc

#pragma once

#include <arrow/status.h>
#include <sql.h>
#include <sqlext.h>

#include <deque>
#include <string>
#include <vector>

#include "odbc/connection.h"

namespace cdc::odbc {

// The buffers of a statement's parameters; they live until it is closed.
// Types are fixed whatever the value: int, bigint, binary(10), nvarchar(4000) (nvarchar(max) beyond
// that), so that the text of sp_executesql's declaration, and with it the server's plan, stays the
// same.
class Parameters {
 public:
  explicit Parameters(const std::vector<Parameter>& values);
  // Binds all of them; the return of the first SQLBindParameter that failed, else SQL_SUCCESS.
  SQLRETURN Bind(SQLHANDLE statement);

 private:
  struct Slot {
    SQLSMALLINT c_type = SQL_C_SLONG;
    SQLSMALLINT sql_type = SQL_INTEGER;
    SQLULEN column_size = 0;
    SQLLEN length = 0;
    int64_t number = 0;
    Lsn lsn;
    std::u16string text;
    void* data = nullptr;
  };
  static void Fill(Slot* slot, const Parameter& value);

  std::deque<Slot> slots_;  // a deque: elements do not move
};

}  // namespace cdc::odbc

// The floor for any reader of a result with a given ODBC driver: one statement, column-wise bound
// arrays of 1,024 rows like the product's, everything fetched, nothing decoded and nothing written.
//
// The connection string is the environment's DRAIN_CONNECTION, the statement is stdin. Prints one
// line of JSON: rows, and the bytes of their values.

#include <sql.h>
#include <sqlext.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr size_t kRowsPerBlock = 1024;
constexpr size_t kSlotOfMaxTypes = 4096;

struct Column {
  SQLSMALLINT c_type;
  size_t slot_bytes;
  std::vector<unsigned char> data;
  std::vector<SQLLEN> lengths;
};

std::string Diagnostics(SQLSMALLINT type, SQLHANDLE handle) {
  SQLCHAR state[6] = {};
  SQLCHAR text[1024] = {};
  SQLINTEGER native = 0;
  SQLSMALLINT length = 0;
  if (!SQL_SUCCEEDED(SQLGetDiagRec(type, handle, 1, state, &native, text, sizeof text, &length))) {
    return "no diagnostic";
  }
  return std::string(reinterpret_cast<const char*>(text)) + " (error " + std::to_string(native) +
         ")";
}

void Check(SQLRETURN result, SQLSMALLINT type, SQLHANDLE handle, const char* doing) {
  if (SQL_SUCCEEDED(result)) return;
  throw std::runtime_error(std::string(doing) + ": " + Diagnostics(type, handle));
}

SQLPOINTER AsPointer(SQLULEN value) {
  return reinterpret_cast<SQLPOINTER>(value);  // NOLINT: ODBC passes integers as pointers
}

// As the product binds them (src/columns/type_table.cc): numbers and times as themselves, all else
// as the bytes that the server sent.
Column Bound(SQLSMALLINT sql_type, size_t size) {
  const auto sized = [&](size_t bytes) { return bytes == 0 ? kSlotOfMaxTypes : bytes; };
  switch (sql_type) {
    case SQL_BIT:
      return {SQL_C_BIT, 1, {}, {}};
    case SQL_TINYINT:
      return {SQL_C_UTINYINT, 1, {}, {}};
    case SQL_SMALLINT:
      return {SQL_C_SSHORT, 2, {}, {}};
    case SQL_INTEGER:
      return {SQL_C_SLONG, 4, {}, {}};
    case SQL_BIGINT:
      return {SQL_C_SBIGINT, 8, {}, {}};
    case SQL_REAL:
      return {SQL_C_FLOAT, 4, {}, {}};
    case SQL_FLOAT:
    case SQL_DOUBLE:
      return {SQL_C_DOUBLE, 8, {}, {}};
    case SQL_TYPE_DATE:
      return {SQL_C_TYPE_DATE, sizeof(SQL_DATE_STRUCT), {}, {}};
    case SQL_TYPE_TIMESTAMP:
      return {SQL_C_TYPE_TIMESTAMP, sizeof(SQL_TIMESTAMP_STRUCT), {}, {}};
    case SQL_CHAR:
    case SQL_VARCHAR:
      return {SQL_C_WCHAR, sized(2 * size) + 2, {}, {}};
    case SQL_WCHAR:
    case SQL_WVARCHAR:
    case SQL_WLONGVARCHAR:
      return {SQL_C_BINARY, sized(2 * size), {}, {}};
    case SQL_GUID:
      return {SQL_C_BINARY, 16, {}, {}};
    case SQL_DECIMAL:
    case SQL_NUMERIC:
      return {SQL_C_BINARY, 19, {}, {}};
    default:
      return {SQL_C_BINARY, sized(size), {}, {}};
  }
}

std::vector<Column> Bind(SQLHANDLE statement, SQLULEN* rows_fetched) {
  const auto check = [&](SQLRETURN result, const char* doing) {
    Check(result, SQL_HANDLE_STMT, statement, doing);
  };
  const auto set = [&](SQLINTEGER attribute, SQLPOINTER value) {
    check(SQLSetStmtAttr(statement, attribute, value, SQL_IS_POINTER), "set an attribute");
  };
  set(SQL_ATTR_ROW_BIND_TYPE, AsPointer(SQL_BIND_BY_COLUMN));
  set(SQL_ATTR_ROW_ARRAY_SIZE, AsPointer(kRowsPerBlock));
  set(SQL_ATTR_ROWS_FETCHED_PTR, rows_fetched);
  SQLSMALLINT count = 0;
  check(SQLNumResultCols(statement, &count), "count columns");
  std::vector<Column> columns;
  for (SQLUSMALLINT number = 1; number <= count; ++number) {
    SQLSMALLINT type = 0;
    SQLULEN size = 0;
    check(SQLDescribeCol(statement, number, nullptr, 0, nullptr, &type, &size, nullptr, nullptr),
          "describe a column");
    Column& column = columns.emplace_back(Bound(type, size));
    column.data.resize(column.slot_bytes * kRowsPerBlock);
    column.lengths.resize(kRowsPerBlock);
    check(SQLBindCol(statement, number, column.c_type, column.data.data(),
                     static_cast<SQLLEN>(column.slot_bytes), column.lengths.data()),
          "bind a column");
  }
  return columns;
}

// The bytes of a block's values. Throws if one did not fit its slot: then less was read than asked.
long long BytesOf(const std::vector<Column>& columns, size_t rows) {
  long long bytes = 0;
  for (const Column& column : columns) {
    for (size_t row = 0; row < rows; ++row) {
      const SQLLEN length = column.lengths[row];
      if (length == SQL_NULL_DATA) continue;
      if (length < 0 || static_cast<size_t>(length) > column.slot_bytes) {
        throw std::runtime_error("a value did not fit its slot");
      }
      bytes += length;
    }
  }
  return bytes;
}

void Drain(const char* connection_string, const std::string& sql) {
  SQLHANDLE environment = nullptr;
  SQLHANDLE connection = nullptr;
  SQLHANDLE statement = nullptr;
  SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &environment);
  SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, AsPointer(SQL_OV_ODBC3), 0);
  SQLAllocHandle(SQL_HANDLE_DBC, environment, &connection);
  std::string words = connection_string;
  Check(SQLDriverConnect(connection, nullptr, reinterpret_cast<SQLCHAR*>(words.data()), SQL_NTS,
                         nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT),
        SQL_HANDLE_DBC, connection, "connect");
  SQLAllocHandle(SQL_HANDLE_STMT, connection, &statement);
  std::string text = sql;
  Check(SQLExecDirect(statement, reinterpret_cast<SQLCHAR*>(text.data()), SQL_NTS), SQL_HANDLE_STMT,
        statement, "execute");
  SQLULEN rows_fetched = 0;
  const std::vector<Column> columns = Bind(statement, &rows_fetched);
  unsigned long long rows = 0;
  long long bytes = 0;
  SQLRETURN result = SQL_SUCCESS;
  while ((result = SQLFetch(statement)) != SQL_NO_DATA) {
    Check(result, SQL_HANDLE_STMT, statement, "fetch");
    rows += rows_fetched;
    bytes += BytesOf(columns, rows_fetched);
  }
  std::printf("{\"rows\": %llu, \"value_bytes\": %lld}\n", rows, bytes);
  SQLFreeHandle(SQL_HANDLE_STMT, statement);
  SQLDisconnect(connection);
  SQLFreeHandle(SQL_HANDLE_DBC, connection);
  SQLFreeHandle(SQL_HANDLE_ENV, environment);
}

}  // namespace

int main() {
  const char* connection_string = std::getenv("DRAIN_CONNECTION");
  if (connection_string == nullptr) {
    std::fputs("drain: the environment's DRAIN_CONNECTION is needed\n", stderr);
    return 2;
  }
  const std::string sql{std::istreambuf_iterator<char>(std::cin), {}};
  try {
    Drain(connection_string, sql);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "drain: %s\n", error.what());
    return 1;
  }
  return 0;
}

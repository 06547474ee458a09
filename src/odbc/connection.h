#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fault.h"
#include "base/lsn.h"

namespace cdc::odbc {

// What is asked of the connection's encryption. kAuto is kYes where the driver verifies
// certificates by itself; with FreeTDS and without a ca_file it is encryption without verification,
// and clear where the server has no TLS (ConnectionSecurity says which).
enum class Encrypt {
  kAuto,
  kYes,     // everything, and the server's certificate verified unless it is to be trusted
  kNo,      // the login at most, where the server offers TLS
  kStrict,  // TDS 8: TLS before the first byte
};

struct ConnectOptions {
  std::string driver =
      "auto";        // a registered name (with or without {}), a path of a driver library, or auto
  std::string host;  // db1 · db1:1433 · db1,1433 · tcp:db1,1433 · db1\\instance
  std::string database;
  std::string user;
  std::string password;
  std::string app_name = "cdc-to-s3";
  std::chrono::seconds login_timeout{15};
  // Per execute and per fetch. A server that does not even answer the request to stop is given up
  // after twice this (FreeTDS) or this plus 120 s (Microsoft's driver; both measured).
  std::chrono::seconds query_timeout{300};
  // Through TLS, Microsoft's driver refuses to send a packet that would not fit into 16,384 bytes
  // together with what its cipher adds (measured: 29 bytes; up to 85 with older ciphers), at the
  // first statement that fills one.
  int packet_size_bytes = 16000;

  // All connections of a process have these alike: drivers take part of them from the process's
  // environment.
  Encrypt encrypt = Encrypt::kAuto;
  bool trust_server_certificate = false;  // not verified: encrypted, but nobody knows with whom
  std::string ca_file;       // PEM; the only authorities that count. Empty: the system's
  std::string odbc_options;  // further words of the connection string: Word=value;Word=value
  bool read_only_intent = false;
  bool multi_subnet_failover = false;
};

// What was demanded of a connection's encryption, and so holds: a driver that does not get it does
// not connect.
struct ConnectionSecurity {
  bool encrypted = false;   // everything; if not, the login alone, and only if the server offers it
  bool verified = false;    // the server's certificate: who issued it, and that it is for this host
  std::string authorities;  // that it was verified with, for people
};

struct Diagnostic {
  std::string sqlstate;
  int native = 0;  // SQL Server's error number; decisions are made on it, not on the SQLSTATE
  std::string message;
};

// A parameter of a statement, sent with a fixed type so that the server reuses its plan.
using Parameter = std::variant<int32_t, int64_t, Lsn, std::string /* nvarchar, UTF-8 */,
                               std::nullopt_t /* a NULL int */>;

// A small result (catalogue, probes): text columns as UTF-8, numbers in decimal, binary columns as
// raw bytes, datetime and datetime2 as "2025-01-09 14:30:15.123" to their scale; nullopt is NULL.
// Decimals, floats and other types come as the driver writes them, and drivers differ: convert them
// in SQL. Bounded by max_rows (for each result set): more rows are an error, not a cut.
struct SmallResult {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
};

// How a column of a large result is bound. Both drivers give the same bytes for these
// (measured; see the profile table).
enum class CType {
  kBit,        // 1 byte
  kUTinyInt,   // 1 byte, 0..255
  kShort,      // int16
  kLong,       // int32
  kBigInt,     // int64
  kFloat,      // 4 bytes
  kDouble,     // 8 bytes
  kDate,       // SQL_DATE_STRUCT, 6 bytes
  kTimestamp,  // SQL_TIMESTAMP_STRUCT, 16 bytes
  kBinary,     // raw bytes; SQL_NUMERIC_STRUCT-like 19 bytes for decimals; UTF-16LE for n-types
  kWideChar,   // UTF-16LE with a NUL, converted from the column's code page by the driver
};

struct ColumnBinding {
  CType c_type = CType::kBinary;
  int64_t slot_bytes = 0;  // per row; for kWideChar including the 2-byte NUL
};

inline constexpr int64_t kNull = -1;     // SQL_NULL_DATA
inline constexpr int64_t kNoTotal = -4;  // SQL_NO_TOTAL: longer than the slot, length unknown

// One column of a block: row i lies at data + i * slot_bytes and is lengths[i] bytes long (kNull:
// NULL).
struct ColumnSlice {
  const uint8_t* data = nullptr;
  int64_t slot_bytes = 0;
  const int64_t* lengths = nullptr;
};

// A value that did not fit its slot. `needed_bytes` is the slot it needs, 0 when the driver cannot
// tell.
struct Overflow {
  int64_t row = 0;  // in the block
  int column = 0;
  int64_t needed_bytes = 0;
  // Why no slot helps: the driver's words for a value that it could not convert, such as an
  // impossible date (Microsoft's driver; FreeTDS hands it out). Empty: a larger slot helps.
  std::string refused = {};
};

// An open statement with bound column arrays. One at a time per connection.
class Cursor {
 public:
  virtual ~Cursor() = default;  // closes; never says that a result was complete

  // Fetches the next block and returns its row count. 0 means the end, and that the result was
  // complete: the last fetch said so, the server's row count equals the rows counted, there is no
  // further result, and every warning was a harmless one (both drivers can end a cut stream like a
  // complete one). Any doubt is a fault that only a new connection mends (kAfterReconnect). Rows
  // that have arrived before are good.
  virtual arrow::Result<int64_t> Fetch() = 0;
  virtual ColumnSlice column(int index) const = 0;  // of the last block
  // The first row of the last block in which a value did not fit, or was refused by the driver.
  // Rows before it are whole.
  virtual std::optional<Overflow> FirstOverflow() const = 0;
  // Gives the memory of long cells of the last block back, whose values are then of no use any
  // more.
  virtual void ForgetCells() {}
  // Gives up the rest. The connection stays usable if this returns OK.
  virtual arrow::Status Close() = 0;
};

// One connection, used from one thread at a time (but Cancel). Autocommit is on. Never reconnects
// by itself.
class Connection {
 public:
  virtual ~Connection() = default;

  // Errors say what to do (driver not installed: which package; login failed: user and host; …).
  static arrow::Result<std::unique_ptr<Connection>> Open(const ConnectOptions& options);

  // Runs one batch and returns all of its result sets (those with columns), complete or not at all.
  // Row counts are half of the proof: a batch or procedure under SET NOCOUNT ON is refused.
  // Parameter markers are ODBC's `?`.
  virtual arrow::Result<std::vector<SmallResult>> Query(const std::string& sql,
                                                        const std::vector<Parameter>& parameters,
                                                        int64_t max_rows) = 0;
  // `rows_per_block` array rows are bound; memory is rows_per_block * sum of slots.
  virtual arrow::Result<std::unique_ptr<Cursor>> Open(const std::string& sql,
                                                      const std::vector<Parameter>& parameters,
                                                      const std::vector<ColumnBinding>& columns,
                                                      int64_t rows_per_block) = 0;
  // Breaks off what runs, and ends an open cursor at its next fetch (to be tried again); may be
  // called from another thread. Statements begun later are not affected.
  virtual void Cancel() = 0;
  // Since the last statement began: for whoever waits for something else between two statements.
  virtual bool cancelled() const = 0;
  virtual bool broken() const = 0;
  virtual std::string driver_description() const = 0;  // name and version, for check
  virtual ConnectionSecurity security() const = 0;
};

}  // namespace cdc::odbc

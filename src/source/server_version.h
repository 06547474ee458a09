#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <optional>
#include <string>

#include "source/sql.h"

// What a server is, and what follows from it for reading it: SQL Server 2012 and later, Azure SQL
// Database, Azure SQL Managed Instance.
namespace cdc::source {

struct ServerVersion {
  std::string product;         // as the server writes it, "16.0.1000.6"
  int32_t major = 0;           // 11 is SQL Server 2012, 16 is 2022; 0: not told. 12 on Azure,
                               // which can do what the newest can
  int64_t engine_edition = 0;  // SERVERPROPERTY('EngineEdition')

  bool IsAzureSqlDatabase() const { return engine_edition == 5; }
  bool IsManagedInstance() const { return engine_edition == 8; }
  // CURRENT_TIMEZONE_ID()
  bool KnowsItsTimeZone() const;
  bool HasAtTimeZone() const;
  // VIEW DATABASE PERFORMANCE STATE and VIEW SERVER SECURITY STATE, which replace VIEW … STATE.
  bool HasNarrowRights() const;
};

ServerVersion VersionOf(const std::optional<std::string>& product,
                        const std::optional<std::string>& engine_edition);

// How the commit times of a server become UTC. A time_zone that the server cannot apply is an
// error: times by the offset of now instead would be wrong without a word.
arrow::Result<sql::CommitTime> CommitTimeOf(const ServerVersion& version,
                                            const std::string& time_zone);

}  // namespace cdc::source

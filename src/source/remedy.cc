#include <fmt/format.h>

#include "source/sql.h"
#include "source/sql_server.h"

namespace cdc::source {

using arrow::Status;

Status WithRemedy(const Status& status, const std::string& user, const std::string& database) {
  const std::string who = user.empty() ? "<user>" : sql::Bracket(user);
  std::string remedy;
  switch (FaultOf(status).native) {
    case 208:  // invalid object name: the cdc schema is not there
      remedy =
          fmt::format("is CDC enabled? USE {}; EXEC sys.sp_cdc_enable_db", sql::Bracket(database));
      break;
    case 229:  // permission denied
      remedy = fmt::format(
          "GRANT SELECT ON SCHEMA::cdc TO {0}; GRANT VIEW DEFINITION TO {0}. If it has both, "
          "somebody has denied it: SELECT * FROM sys.database_permissions WHERE state = 'D'",
          who);
      break;
    case 916:  // not a user of this database
      remedy = fmt::format("USE {}; CREATE USER {} FOR LOGIN {}", sql::Bracket(database), who, who);
      break;
    default:
      return status;
  }
  return status.WithMessage(status.message(), ". What helps: ", remedy);
}

}  // namespace cdc::source

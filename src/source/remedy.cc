#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/fault.h"
#include "source/sql.h"
#include "source/sql_server.h"

namespace cdc::source {

using arrow::Status;
namespace {

// The capture instance whose change table an error 208 misses; "" if it misses another object.
std::string MissingInstance(const Status& status) {
  constexpr std::string_view kBefore = "Invalid object name 'cdc.", kAfter = "_CT'";
  const std::string& text = status.message();
  const size_t begin = text.find(kBefore);
  if (begin == text.npos) return "";
  const size_t end = text.find(kAfter, begin);
  if (end == text.npos) return "";
  return text.substr(begin + kBefore.size(), end - begin - kBefore.size());
}

std::string MissingObject(const Status& status, const std::string& database) {
  const std::string use = fmt::format("USE {}; ", sql::Bracket(database));
  const std::string instance = MissingInstance(status);
  // The cdc schema itself is not there.
  if (instance.empty()) return fmt::format("is CDC enabled? {}", sql::EnableCdc(database));
  return fmt::format(
      "the change table of capture instance {0} was dropped, and with it what was not read yet. "
      "Was the instance disabled, the next round sees it. Was the change table dropped alone: "
      "{1}EXEC sys.sp_cdc_disable_table @source_schema = N'<schema>', @source_name = N'<table>', "
      "@capture_instance = {2}, and sys.sp_cdc_enable_table anew",
      instance, use, sql::Quote(instance));
}

}  // namespace

Status WithRemedy(const Status& status, const std::string& user, const std::string& database) {
  const std::string who = user.empty() ? "<user>" : sql::Bracket(user);
  std::string remedy;
  switch (FaultOf(status).native) {
    case 208:  // invalid object name
      remedy = MissingObject(status, database);
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

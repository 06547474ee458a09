#include "capture/groups.h"

#include "rules/naming.h"
#include "state/folders.h"

namespace cdc::capture {

arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(const Context& context) {
  const state::DocumentName own = context.options.document();
  ARROW_ASSIGN_OR_RAISE(auto folders, state::FoldersOfOthers(context.with.state, own));
  if (rules::TellsDatabasesApart(context.options.path)) return folders;
  ARROW_ASSIGN_OR_RAISE(auto further,
                        state::FoldersOfOtherDatabases(context.with.state, own.database));
  folders.merge(further);
  return folders;
}

arrow::Status BelongsTo(const Context& context, const std::string& document) {
  if (!state::IsOfDatabase(document, context.options.database)) {
    return StopsTable("its folder is that of a table of another database, whose state is " +
                      document + "; set [target] path = \"{database}/{table}/cdc\"");
  }
  return StopsTable("it is delivered by another program already, whose state is " + document +
                    "; the tables and exclude patterns of groups must not overlap");
}

arrow::Status NotKnownWhose(const arrow::Status& why) {
  return StopsTable("it waits until it is known whether another program delivers it: " +
                    why.message());
}

}  // namespace cdc::capture

#include "capture/groups.h"

namespace cdc::capture {

arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(const Context& context) {
  return state::FoldersOfOthers(context.with.state, context.options.document());
}

arrow::Status BelongsTo(const std::string& document) {
  return StopsTable("it is delivered by another program already, whose state is " + document +
                    "; the tables and exclude patterns of groups must not overlap");
}

}  // namespace cdc::capture

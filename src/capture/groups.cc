#include "capture/groups.h"

namespace cdc::capture {

arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(store::Store& state,
                                                                  const Options& options) {
  std::map<std::string, std::string> folders;
  const std::string own = options.document().Key();
  ARROW_ASSIGN_OR_RAISE(const auto names, state::ListDocuments(state, options.database));
  for (const state::DocumentName& name : names) {
    if (name.Key() == own) continue;
    ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(state, name));
    if (!stored) continue;
    for (const auto& [table, entry] : stored->document.tables) folders[entry.folder] = name.Key();
  }
  return folders;
}

arrow::Status BelongsTo(const std::string& document) {
  return StopsTable("it is delivered by another program already, whose state is " + document +
                    "; the tables and exclude patterns of groups must not overlap");
}

}  // namespace cdc::capture

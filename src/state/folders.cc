#include "state/folders.h"

namespace cdc::state {

arrow::Result<std::map<std::string, std::string>> FoldersOfOthers(store::Store& store,
                                                                  const DocumentName& own) {
  std::map<std::string, std::string> folders;
  ARROW_ASSIGN_OR_RAISE(const auto names, ListDocuments(store, own.database));
  for (const DocumentName& name : names) {
    if (name.Key() == own.Key()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto stored, ReadDocument(store, name));
    if (!stored) continue;
    for (const auto& [table, entry] : stored->document.tables) folders[entry.folder] = name.Key();
  }
  return folders;
}

}  // namespace cdc::state

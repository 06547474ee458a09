#include "rules/further_folders.h"

#include <algorithm>
#include <string>

namespace cdc::rules {

arrow::Result<std::vector<int>> FurtherFolders(store::Store& data, const TableNames& names) {
  const std::string prefix = names.FurtherFolders();
  std::vector<int> numbers;
  std::string after;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto found, data.List(prefix, after, 1));
    if (found.empty()) break;
    const std::string& key = found[0].key;
    const size_t slash = key.find('/', prefix.size());
    const std::string folder = key.substr(0, slash == std::string::npos ? slash : slash + 1);
    const int number = names.FolderNumber(folder);
    if (number > 0 && names.StampOf(key)) numbers.push_back(number);
    // Behind everything of that folder: '0' comes right after '/'.
    after = slash == std::string::npos ? key : key.substr(0, slash) + "0";
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace cdc::rules

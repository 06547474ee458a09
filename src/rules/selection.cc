#include "rules/selection.h"

#include <algorithm>

#include "base/glob.h"

namespace cdc::rules {

namespace {

bool MatchesAny(const std::vector<std::string>& patterns, std::string_view schema,
                std::string_view table) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return MatchesTable(pattern, schema, table); });
}

}  // namespace

TableSelection TableSelection::Make(std::vector<std::string> include,
                                    std::vector<std::string> exclude) {
  TableSelection selection;
  selection.include_ = std::move(include);
  selection.exclude_ = std::move(exclude);
  return selection;
}

bool TableSelection::Selects(std::string_view schema, std::string_view table) const {
  if (MatchesAny(exclude_, schema, table)) return false;
  return include_.empty() || MatchesAny(include_, schema, table);
}

}  // namespace cdc::rules

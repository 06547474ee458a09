#include "app/documents.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"

namespace cdc::app {

namespace {

using arrow::Result;

constexpr int64_t kDocumentsMax = 10'000;  // of databases that share a target
constexpr std::string_view kEnding = ".json";

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The server does not mind the case of a database's name, but keys are as the server spells it. The
// same spelling wins over another one.
Result<std::string> SpelledInState(store::Store& state, const std::string& database) {
  const std::string folder = "_cdc_to_s3/", groups = "_cdc_to_s3/groups/";
  ARROW_ASSIGN_OR_RAISE(const auto listed, state.List(folder, "", kDocumentsMax));
  const std::string wanted = PathSegment(database);
  std::set<std::string> found;
  for (const store::ObjectInfo& object : listed) {
    if (!object.key.ends_with(kEnding)) continue;
    std::string segment = object.key.substr(folder.size());
    if (object.key.starts_with(groups)) {
      segment = object.key.substr(groups.size());
      segment.resize(std::min(segment.find('/'), segment.size()));
    } else if (segment.find('/') == std::string::npos) {
      segment.resize(segment.size() - kEnding.size());
    }
    if (Lower(segment) == Lower(wanted)) found.insert(segment);
  }
  if (found.empty() || found.contains(wanted)) return database;
  return PercentDecode(*found.begin());
}

}  // namespace

Result<std::vector<state::DocumentName>> FindDocuments(store::Store& store,
                                                       const config::Config& config) {
  // A store that may not be listed is asked for the name as it is configured.
  const std::string database =
      SpelledInState(store, config.source.database).ValueOr(config.source.database);
  if (!config.run.group.empty()) {
    return std::vector<state::DocumentName>{{database, config.run.group}};
  }
  auto names = state::ListDocuments(store, database);
  if (names.ok()) return names;
  return std::vector<state::DocumentName>{{database, ""}};
}

}  // namespace cdc::app

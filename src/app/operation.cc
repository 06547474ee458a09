#include "app/operation.h"

#include <set>

#include "config/nearest.h"
#include "rules/selection.h"
#include "source/sql.h"
#include "state/state_file.h"

namespace cdc::app {

using arrow::Result;
using arrow::Status;

arrow::Result<Operation> BeginOperation(const config::Config& config, bool change) {
  Operation operation;
  ARROW_ASSIGN_OR_RAISE(operation.stores, OpenStores(config));
  ARROW_ASSIGN_OR_RAISE(operation.source, source::ConnectSqlServer(SourceOptions(config)));
  ARROW_ASSIGN_OR_RAISE(const auto identity, operation.source->Identify());
  if (!identity.cdc_enabled) {
    return arrow::Status::Invalid("change data capture is not enabled in database ", identity.name,
                                  ". What helps: ", source::sql::EnableCdc(identity.name));
  }
  if (change) ARROW_RETURN_NOT_OK(RequireConditions(operation.stores));
  operation.options = CaptureOptions(config, identity.name);
  return operation;
}

Result<state::Document> ReadDocument(const Operation& operation) {
  store::Store& state = operation.stores.state();
  ARROW_ASSIGN_OR_RAISE(const auto stored,
                        state::ReadDocument(state, operation.options.document()));
  if (stored) return stored->document;
  ARROW_ASSIGN_OR_RAISE(const auto others, state::ListDocuments(state, operation.options.database));
  std::string groups;
  for (const state::DocumentName& other : others) {
    if (!other.group.empty()) groups += (groups.empty() ? "" : ", ") + other.group;
  }
  return Status::Invalid(
      "there is no state document ", state.url(), "/", operation.options.document().Key(),
      groups.empty() ? std::string() : "; name one of the groups with --group: " + groups);
}

// The document's tables that a run with these settings reads.
std::vector<std::string> ReadTables(const Operation& operation, const state::Document& document) {
  const auto selection =
      rules::TableSelection::Make(operation.options.tables, operation.options.exclude);
  std::vector<std::string> names;
  for (const auto& [name, table] : document.tables) {
    if (selection.Selects(table.schema, table.name)) names.push_back(name);
  }
  return names;
}

// Those of them that a word of the command line means.
Result<std::vector<std::string>> Meant(const std::string& word, const state::Document& document,
                                       const std::vector<std::string>& known) {
  const auto selection = rules::TableSelection::Make({word}, {});
  std::vector<std::string> meant;
  for (const std::string& name : known) {
    const state::Table& table = document.tables.at(name);
    if (selection.Selects(table.schema, table.name)) meant.push_back(name);
  }
  if (!meant.empty()) return meant;
  const std::string nearest = config::Nearest(word, known);
  return Status::Invalid("no table that is delivered is called ", word,
                         nearest.empty() ? std::string() : "; did you mean " + nearest + "?");
}

Result<std::vector<std::string>> AllMeant(const std::vector<std::string>& words,
                                          const state::Document& document,
                                          const std::vector<std::string>& known) {
  if (words.empty()) return known;
  std::set<std::string> all;
  for (const std::string& word : words) {
    ARROW_ASSIGN_OR_RAISE(const auto meant, Meant(word, document, known));
    all.insert(meant.begin(), meant.end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

}  // namespace cdc::app

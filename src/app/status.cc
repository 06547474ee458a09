#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "app/verbs.h"
#include "app/wiring.h"
#include "base/text.h"
#include "state/state_file.h"

namespace cdc::app {

namespace {

constexpr int64_t kDocumentsMax = 10'000;  // of databases that share a target

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// The server does not mind the case of a database's name, but keys are as the server spells it, and
// status does not ask the server.
std::string SpelledInState(store::Store& state, const std::string& database) {
  const std::string wanted = state::DocumentName{database, ""}.Key();
  const auto listed = state.List(wanted.substr(0, wanted.rfind('/') + 1), "", kDocumentsMax);
  if (!listed.ok()) return database;
  std::string found = database;
  for (const store::ObjectInfo& object : *listed) {
    if (object.key == wanted) return database;
    if (Lower(object.key) != Lower(wanted)) continue;
    const size_t begin = object.key.rfind('/') + 1;
    found =
        PercentDecode(object.key.substr(begin, object.key.rfind('.') - begin)).ValueOr(database);
  }
  return found;
}

std::string LastObject(const state::Table& table) {
  if (!table.claim) return "-";
  return table.claim->key.substr(table.claim->key.rfind('/') + 1) +
         (table.claim->confirmed ? "" : " (on its way)");
}

void PrintTables(const state::Document& document) {
  size_t width = 5;
  for (const auto& [name, table] : document.tables) width = std::max(width, name.size());
  fmt::print("{:<{}}  {:>8}  {:<20}  {}\n", "table", width, "objects", "complete through",
             "last object");
  for (const auto& [name, table] : document.tables) {
    fmt::print("{:<{}}  {:>8}  {:<20}  {}\n", name, width, table.sequence(),
               document.PlaceOf(table).lsn().ToString(), LastObject(table));
  }
}

int PrintTroubles(const state::Document& document) {
  int troubled = 0;
  for (const auto& [name, table] : document.tables) {
    for (const state::Gap& gap : table.gaps) {
      fmt::print("\ngap in {}: {} to {} (accepted {})\n", name, gap.from.ToString(),
                 gap.to.ToString(), gap.accepted_at);
    }
    if (table.stopped.empty()) continue;
    ++troubled;
    fmt::print("\n{} is stopped since {}: {}\n", name, table.stopped_since, table.stopped);
  }
  return troubled;
}

}  // namespace

int Status(const config::Config& config) {
  const auto stores = OpenStores(config);
  if (!stores.ok()) {
    PrintError(stores.status());
    return kExitFailed;
  }
  const auto stored = state::ReadDocument(
      stores->state(), {SpelledInState(stores->state(), config.source.database), config.run.group});
  if (!stored.ok()) {
    PrintError(stored.status());
    return kExitFailed;
  }
  if (!*stored) {
    fmt::print("{} has no state document for database {} yet: nothing was delivered\n",
               stores->state().url(), config.source.database);
    return kExitDone;
  }
  const state::Document& document = (*stored)->document;
  fmt::print("database {}: complete through {}{}\n", document.database,
             document.complete_through.ToString(),
             document.anchor ? ", newest change read is of " + document.anchor->tran_end_time : "");
  fmt::print("owner: process {} on {}, since {}\n\n", document.owner.pid, document.owner.host,
             document.owner.since);
  PrintTables(document);
  return PrintTroubles(document) > 0 ? kExitAttention : kExitDone;
}

}  // namespace cdc::app

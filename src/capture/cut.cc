#include "capture/cut.h"

#include <algorithm>

namespace cdc::capture {

namespace {

// Up to here all transactions of the table are whole, in objects that are known to be there: a
// claim whose object is not moves the table's position, but nobody can read its rows yet.
Lsn WholeUpTo(const state::Document& document, const state::Table& table) {
  const bool missing = table.claim && !table.claim->confirmed;
  const Position place = missing ? table.claim->from : document.PlaceOf(table);
  return place.inside_transaction() ? place.lsn().Previous() : place.lsn();
}

}  // namespace

void CloseCut(state::Document* document, const std::set<std::string>& complete,
              const Lsn& horizon) {
  document->held_back_by.clear();
  for (const std::string& name : complete) {
    state::Table& table = document->tables.at(name);
    // Up to complete_through the table must really be whole when it counts for it.
    if (horizon >= document->complete_through) table.in_cut = true;
    table.empty_through = std::max(table.empty_through, horizon);
  }
  bool any = false;
  Lsn least = Lsn::Max();
  for (const auto& [name, table] : document->tables) {
    if (!table.in_cut) continue;
    any = true;
    least = std::min(least, WholeUpTo(*document, table));
    if (!complete.contains(name)) document->held_back_by.push_back(name);
  }
  if (any) document->complete_through = std::max(document->complete_through, least);
  // What complete_through says of every table, none needs to say by itself.
  for (auto& [name, table] : document->tables) {
    if (table.in_cut && table.empty_through <= document->complete_through) {
      table.empty_through = Lsn{};
    }
  }
}

}  // namespace cdc::capture

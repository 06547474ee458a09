#pragma once

#include <cstdint>
#include <string>

#include "source/source.h"
#include "state/document.h"

// What the tests of the rules make their facts from.
namespace cdc::rules::testing {

inline Lsn L(int n) {
  Lsn lsn;
  lsn.bytes[9] = static_cast<uint8_t>(n);
  return lsn;
}

inline Position P(int n) { return Position::After(L(n)); }

// A capture instance of a source table that is called dbo.<table> today; its change table has the
// object id `id`, and what it holds begins at `start`.
inline source::CaptureInstance Instance(int64_t id, int64_t source_object_id,
                                        const std::string& table, int start) {
  source::CaptureInstance instance;
  instance.change_table_object_id = id;
  instance.source_object_id = source_object_id;
  instance.name = "i" + std::to_string(id);
  instance.schema = "dbo";
  instance.table = table;
  instance.start_lsn = start == 0 ? Lsn{} : L(start);
  return instance;
}

// The entry dbo.<name> of the table that the instance is of; it is delivered up to `at`.
inline state::Table Entry(const std::string& name, const source::CaptureInstance& instance,
                          int at) {
  state::Table table;
  table.schema = "dbo";
  table.name = name;
  table.source_object_id = instance.source_object_id;
  table.change_table_object_id = instance.change_table_object_id;
  table.capture_instance = instance.name;
  table.start = table.position = P(at);
  return table;
}

inline state::Document DocumentOf(const std::vector<state::Table>& entries) {
  state::Document document;
  for (const state::Table& entry : entries) document.tables[entry.QualifiedName()] = entry;
  return document;
}

}  // namespace cdc::rules::testing

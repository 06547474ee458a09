#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rules/naming.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/document.h"
#include "state/folders.h"

// Whose a source table is already, and whose a folder: each is one entry's, of one document. Nothing
// else keeps groups whose patterns overlap from delivering a table twice, or from mixing two.
namespace cdc::rules {

// A source table that the own document has no entry of, or that it has only just entered.
struct Newcomer {
  std::string name;  // schema.name
  int64_t source_object_id = 0;
  std::string folder;  // that it would get
};

// Why the newcomer belongs to another document, and what helps; "" where it belongs to none.
std::string WhyAnothers(const state::OtherTables& others, const std::string& database,
                        const Newcomer& table);

// Why the table that is captured under the entry's name must not go on there: another document
// delivers it; "" where none does.
std::string WhyFollowerIsAnothers(const state::OtherTables& others, const state::Table& entry,
                                  int64_t source_object_id);

// Why an entry cannot go on in its folder: the settings give it another one. "" where they do not.
std::string WhyMoved(const TableNames& names, const std::string& folder);

// Folders of the document's entries, and those that captured tables without one would get, selected
// or not: another group may select them.
std::set<std::string> FoldersInUse(const Settings& settings, const state::Document& own,
                                   const std::vector<source::CaptureInstance>& captured);

class Holders {
 public:
  // `own` is null where there is no document yet.
  Holders(const state::Document* own, const state::OtherTables& others, std::string database);

  // Why the newcomer may not come in, and what helps; "" where it may.
  std::string WhyRefused(const Newcomer& table) const;
  // From here on the folder is the newcomer's.
  void Take(const Newcomer& table) { own_folders_.emplace(table.folder, table.name); }

 private:
  const state::OtherTables& others_;
  const std::string database_;
  std::map<std::string, std::string> own_folders_;  // with the entries' names
};

}  // namespace cdc::rules

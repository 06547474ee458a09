#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

// How a state document comes to be that no run would make: rebuilt from the objects' own records
// when it was lost, damaged or set back; or begun anew over the old objects when the database was
// restored or replaced on purpose.
namespace cdc::repair {

struct AdoptOptions {
  bool new_history = false;
  std::string start;  // of a new history: oldest · now · a time · an LSN
};

struct AdoptedTable {
  std::string name;         // schema.name
  int64_t objects = 0;      // there are so many
  std::string last_object;  // key; "" when there is none
  Position position;        // a run goes on behind it
  std::string note;         // what is particular; "" when nothing is
};

struct AdoptionPlan {
  // What is at the document's place now, whatever it is.
  struct Existing {
    std::string bytes;
    std::string version;
    std::optional<state::Document> document;  // nothing: it is damaged
    std::string damage;
  };
  std::optional<Existing> existing;
  bool needed = true;        // false: the document knows everything already
  state::Document document;  // as it would be
  std::vector<AdoptedTable> tables;
  std::vector<std::string> notes;  // what concerns no single table of the document
};

// Looks at both sides and changes nothing. An error says what stands against adopting: objects of
// several histories, foreign files, a database that is not the one of the objects.
arrow::Result<AdoptionPlan> PlanAdoption(const rules::Settings& options, const AdoptOptions& adopt,
                                         source::Source& source, store::Store& data,
                                         store::Store& state_store);

// Copies what is at the document's place aside (the key of the copy is returned; "" when there was
// nothing), then puts the planned document there, owned by nobody. Fails, and changes nothing but
// the copy, when the document has changed since the plan was made. INVARIANT: Nobody may own the document,
// and no copy of the program may have run within the last 15 minutes: a put of its may still
// arrive.
arrow::Result<std::string> Adopt(const rules::Settings& options, const AdoptionPlan& plan,
                                 store::Store& state_store, const Clock& clock);

}  // namespace cdc::repair

#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "capture/held_document.h"
#include "capture/object_builder.h"
#include "progress/observer.h"

namespace cdc::capture {

// How far a table has come in this run; it is read from kSeen on.
enum class Life {
  kUnseen,  // its folder was not looked at
  kSeen,    // nothing lies in it beyond the last name that the document knows
  kOurs     // and no other document has entered the table, too
};

enum class Trouble {
  kNone,
  kRetrying,  // it goes away by itself
  kStopped    // somebody must act
};

// What the program remembers of a table beside the document.
struct TableRuntime {
  Life life = Life::kUnseen;
  Trouble trouble = Trouble::kNone;
  std::string why;                       // the table is not read now; "" with kNone
  std::chrono::nanoseconds retry_at{0};  // monotonic
  int retries = 0;
  // The object of the last claim is not known to be there: it comes first.
  bool unconfirmed = false;
  // Of that object, when this run has tried to put it: it may be there all the same.
  std::optional<ObjectFacts> unconfirmed_object;
  // Begun in this run at the oldest row, and never told as stopped.
  bool fresh_start = false;
  // change_table_object_id of the instance whose columns were looked at in this run.
  int64_t columns_of = 0;
  std::optional<std::chrono::nanoseconds> waiting_since;  // has changes younger than object_age
  int64_t rows = 0;                                       // delivered in this round
  int64_t objects = 0;
  progress::TableFacts progress;
  progress::TableFacts published;  // what the observer knows
};

// What is known of tables beside the document, by schema.name: it says what an error means for its
// table, and publishes what changes. Only the thread of the rounds touches it; all that it is given
// must outlive it.
class KnownTables {
 public:
  using Tables = std::map<std::string, TableRuntime>;

  KnownTables(HeldDocument& held, const Clock& clock, const std::atomic<bool>& stop,
              progress::Observer& observer)
      : held_(held), clock_(clock), stop_(stop), observer_(observer) {}

  TableRuntime& operator[](const std::string& name) { return tables_[name]; }
  Tables& all() { return tables_; }
  const Tables& all() const { return tables_; }
  // It had trouble, and it is not time yet to try again.
  bool IsResting(const std::string& name) const;

  // Records why a table is not read, logs it once, and sets when to try again. Errors that end the
  // whole program (lost ownership) are given back instead, and those of the polling connection,
  // without which no verdict of this round would count.
  arrow::Status StopTable(const std::string& name, const arrow::Status& why);
  // The same for an error of a worker's connection, which is of no concern to other tables.
  arrow::Status WorkerTrouble(const std::string& name, const arrow::Status& why);
  void ResumeTable(const std::string& name);
  // Counts an object that was put, and says what its values lost where a column loses something for
  // the first time in this run.
  void Delivered(const std::string& name, const std::string& key, const ObjectFacts& object);
  // Gives the observer what has changed.
  void Publish(const std::string& name, progress::Condition condition);

 private:
  bool EndsEverything(const arrow::Status& why) const;
  void Record(const std::string& name, const arrow::Status& why);

  HeldDocument& held_;
  const Clock& clock_;
  const std::atomic<bool>& stop_;
  progress::Observer& observer_;
  Tables tables_;
};

}  // namespace cdc::capture

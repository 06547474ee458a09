#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fault.h"
#include "capture/executor.h"
#include "capture/object_builder.h"
#include "capture/source_pool.h"
#include "progress/observer.h"
#include "rules/naming.h"
#include "rules/selection.h"
#include "rules/settings.h"
#include "source/source.h"
#include "state/state_file.h"
#include "store/store.h"

namespace cdc::capture {

struct Options : rules::Settings {
  ObjectLimits limits;
  int64_t workers = 4;  // tables that are read at the same time, with a connection each
  std::chrono::milliseconds object_age{0};
  std::string program_version;
};

// What the program works with. All of it must outlive the Capture; what workers use as well
// (sources, data, clock, stop) may be used from several threads.
struct Surroundings {
  source::Source& source;  // the polling connection
  SourcePool& sources;     // the workers' connections
  Executor& executor;
  store::Store& data;
  store::Store& state;  // where the document lives; may be `data`
  const Clock& clock;
  const std::atomic<bool>& stop;
  progress::Observer& observer;
};

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
  bool fresh_start = false;                               // begun in this run at the oldest row
  std::optional<std::chrono::nanoseconds> waiting_since;  // has changes younger than object_age
  int64_t rows = 0;                                       // delivered in this round
  int64_t objects = 0;
  progress::TableFacts progress;
  progress::TableFacts told;  // what the observer knows
};

// What the steps of a round share. Only the thread of the rounds touches it.
struct Context {
  Options options;
  Surroundings with;
  state::OwnedDocument owned;
  rules::TableSelection selection;
  // Of the work in hand, when the round cannot go on: what workers do then is of no use.
  std::shared_ptr<std::atomic<bool>> abandoned = std::make_shared<std::atomic<bool>>(false);

  // What the server said of its database at the beginning of the round.
  source::DatabaseIdentity identity = {};
  std::map<std::string, TableRuntime> runtime = {};  // by schema.name
  int64_t swaps = 0;

  const state::Document& document() const { return owned.document(); }
  const state::Table& table(const std::string& name) const { return document().tables.at(name); }
  bool selects(const state::Table& table) const {
    return selection.Selects(table.schema, table.name);
  }
  arrow::Result<rules::TableNames> NamesOf(const state::Table& table) const {
    ARROW_ASSIGN_OR_RAISE(const auto names, rules::TableNames::Make(options.path, options.database,
                                                                    table.schema, table.name));
    // Of another path than the settings': whoever checks the folder says so.
    return names.InFolder(std::max(names.FolderNumber(table.folder), 1));
  }
  bool IsResting(const std::string& name) const;

  // One swap with everything pending and `edits`.
  arrow::Status Swap(const state::Edits& edits = {});
  // An edit that nobody needs to wait for.
  void Note(state::Edit edit) { owned.Note(std::move(edit)); }
  // An empty swap if others would soon think that this program is gone.
  arrow::Status KeepLease();
  // Waits for all that was posted, keeping the lease.
  arrow::Status Gather();
  // One call of the polling connection, which may take as long as a lock is held: others must not
  // think meanwhile that this program is gone.
  template <typename T>
  arrow::Result<T> Ask(const std::function<arrow::Result<T>()>& call) {
    std::optional<arrow::Result<T>> answer;
    with.executor.Post(Executor::Lane::kRead, [&answer, &call] {
      answer = call();
      return [] { return arrow::Status::OK(); };
    });
    ARROW_RETURN_NOT_OK(Gather());
    return std::move(*answer);
  }
  // Gives up what was posted: its results are of no use any more.
  void Abandon();

  // Records why a table is not read, logs it once, and sets when to try again. Errors that end the
  // whole program (lost ownership) are given back instead, and those of the polling connection,
  // without which no verdict of this round would count.
  arrow::Status TableTrouble(const std::string& name, const arrow::Status& why);
  // The same for an error of a worker's connection, which is of no concern to other tables.
  arrow::Status WorkerTrouble(const std::string& name, const arrow::Status& why);
  void TableFine(const std::string& name);
  // Counts an object that was put, and says what its values lost where a column loses something for
  // the first time in this run.
  void Delivered(const std::string& name, const std::string& key, const ObjectFacts& object);
  // Tells the observer what has changed.
  void Show(const std::string& name, progress::Condition condition);

 private:
  bool EndsEverything(const arrow::Status& why) const;
  void Record(const std::string& name, const arrow::Status& why);
};

// What a task may use: nothing of it is the rounds' own.
struct Tools {
  const Options options;
  SourcePool& sources;
  store::Store& data;
  const Clock& clock;
  std::string database_guid;
  std::function<bool()> stopped;

  static std::shared_ptr<const Tools> Of(const Context& context);
};

}  // namespace cdc::capture

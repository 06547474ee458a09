#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "capture/executor.h"
#include "capture/held_document.h"
#include "capture/known_tables.h"
#include "capture/object_builder.h"
#include "capture/source_pool.h"
#include "capture/work.h"
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
// (sources, data, state, clock, stop) may be used from several threads.
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

// What the steps of a round share. Only the thread of the rounds touches it.
struct Context {
  Context(const Options& settings, const Surroundings& surroundings, state::OwnedDocument owned)
      : options(settings),
        with(surroundings),
        selection(rules::TableSelection::Make(options.tables, options.exclude)),
        held(std::move(owned)),
        known(held, with.clock, with.stop, with.observer),
        work(with.executor, with.sources, with.source, with.stop, held) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Options options;
  const Surroundings with;
  const rules::TableSelection selection;
  HeldDocument held;
  KnownTables known;
  Work work;
  // What the server said of its database at the beginning of the round.
  source::DatabaseIdentity identity;
  std::vector<source::CaptureInstance> captured;  // the same

  const state::Document& document() const { return held.document(); }
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
};

// What a task may use: nothing of it is the rounds' own.
struct Tools {
  const Options options;
  SourcePool& sources;
  store::Store& data;
  store::Store& state;
  const Clock& clock;
  std::string database_guid;
  std::shared_ptr<const std::atomic<UtcTime>> last_swap_sent;
  // That tables have, or would get, as this program knows them; only where a table may begin one.
  std::set<std::string> folders;
  std::function<bool()> stopped;

  static std::shared_ptr<const Tools> Of(const Context& context);
};

}  // namespace cdc::capture

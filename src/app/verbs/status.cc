#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>

#include "app/documents.h"
#include "app/human.h"
#include "app/json.h"
#include "app/owner_view.h"
#include "app/print.h"
#include "app/verb.h"
#include "app/wiring.h"
#include "base/text.h"
#include "base/units.h"
#include "base/utc_text.h"
#include "rules/selection.h"
#include "rules/table_identity.h"

namespace cdc::app {

namespace {

using arrow::Result;
using state::Document;

struct Options {
  bool offline = false;  // do not ask the server
  bool watch = false;    // until it is known whether the owner lives
};

constexpr std::chrono::seconds kServerPatience{5};  // status is not worth a longer wait

// What the server says of the LSN up to which everything is complete.
struct Lag {
  std::optional<UtcTime> complete_through_time;  // nothing: retention has passed it
  std::optional<UtcTime> newest_time;            // of the newest change that was captured
  Lsn newest;
  std::optional<std::chrono::seconds> behind;
  std::vector<source::CaptureInstance> captured;
};

// One document with what could be learned of it.
struct Shown {
  state::DocumentName name;
  Document document;
  OwnerLife owner = OwnerLife::kUnknown;
  std::optional<Lag> lag;
};

// The server, if it is to be asked and answers.
struct Server {
  std::unique_ptr<source::Source> source;
  std::string why_not;
};

Server Connect(config::Config config, bool offline) {
  if (offline) return {nullptr, "not asked (--offline)"};
  config.source.login_timeout =
      std::min<std::chrono::milliseconds>(config.source.login_timeout, kServerPatience);
  auto source = source::ConnectSqlServer(SourceOptions(config));
  if (!source.ok()) return {nullptr, source.status().message()};
  return {std::move(*source), ""};
}

Result<Lag> AskForLag(source::Source& source, const Document& document) {
  ARROW_ASSIGN_OR_RAISE(const auto info, source.Poll(document.complete_through));
  Lag lag;
  const int32_t offset = info.server_offset_minutes;
  if (info.anchor_time) lag.complete_through_time = FromServerTime(*info.anchor_time, offset);
  lag.captured = info.instances;
  if (!info.horizon) return lag;
  lag.newest = info.horizon->lsn;
  lag.newest_time = FromServerTime(info.horizon->tran_end_time, offset);
  if (lag.newest <= document.complete_through) {
    lag.behind = std::chrono::seconds(0);
  } else if (lag.complete_through_time && lag.newest_time) {
    lag.behind =
        std::chrono::floor<std::chrono::seconds>(*lag.newest_time - *lag.complete_through_time);
  }
  return lag;
}

std::string LastObject(const state::Table& table) {
  if (!table.claim) return "-";
  // Of a table that has gone on in a further folder the name alone does not say where it is.
  const size_t name = table.earlier_folders.empty() ? table.claim->key.rfind('/') + 1 : 0;
  return table.claim->key.substr(name) + (table.claim->confirmed ? "" : " (on its way)");
}

// Where a table stands, in one word.
const char* Condition(const Document& document, const std::string& name,
                      const state::Table& table) {
  if (!table.stopped.empty()) return "stopped";
  if (!table.in_cut) return "joining";
  return std::ranges::find(document.held_back_by, name) == document.held_back_by.end() ? "complete"
                                                                                       : "behind";
}

Json OptionalTime(const std::optional<UtcTime>& time) {
  return time ? Json(FormatUtc(*time)) : Json(nullptr);
}

Json ToJson(const Document& document, const std::string& name, const state::Table& table) {
  Json last = nullptr;
  if (table.claim) {
    last = {{"key", table.claim->key},
            {"sequence", table.claim->sequence},
            {"rows", table.claim->rows},
            {"from", table.claim->from.ToString()},
            {"to", table.claim->to.ToString()},
            {"confirmed", table.claim->confirmed},
            {"incomplete", table.claim->incomplete}};
  }
  Json gaps = Json::array();
  for (const state::Gap& gap : table.gaps) {
    gaps.push_back({{"from", gap.from.ToString()},
                    {"to", gap.to.ToString()},
                    {"accepted_at", gap.accepted_at}});
  }
  Json stopped = nullptr;
  if (!table.stopped.empty()) {
    stopped = {{"since", table.stopped_since}, {"why", table.stopped}};
  }
  return {{"schema", table.schema},
          {"name", table.name},
          {"name_today", table.name_today},
          {"condition", Condition(document, name, table)},
          {"capture_instance", table.capture_instance},
          {"folder", table.folder},
          {"objects", table.sequence()},
          {"complete_through", document.ResumePosition(table).ToString()},
          {"last_object", last},
          {"gaps", gaps},
          {"altered_values", table.altered_values},
          {"stopped", stopped}};
}

Json ToJson(const Shown& shown) {
  const Document& document = shown.document;
  const state::Owner& owner = document.owner;
  Json lag = nullptr;
  if (shown.lag) {
    lag = {
        {"complete_through_time", OptionalTime(shown.lag->complete_through_time)},
        {"newest", shown.lag->newest.ToString()},
        {"newest_time", OptionalTime(shown.lag->newest_time)},
        {"behind_seconds", shown.lag->behind ? Json(shown.lag->behind->count()) : Json(nullptr)}};
  }
  Json joining = Json::array(), tables = Json::array();
  for (const auto& [name, table] : document.tables) {
    if (Condition(document, name, table) == std::string("joining")) joining.push_back(name);
    tables.push_back(ToJson(document, name, table));
  }
  return {{"group", shown.name.group},
          {"history_id", document.history_id},
          {"owner",
           {{"life", Name(shown.owner)},
            {"host", owner.host},
            {"pid", owner.pid},
            {"since", owner.since},
            {"lease_ms", owner.lease_ms}}},
          {"complete_through", document.complete_through.ToString()},
          {"server", lag},
          {"held_back_by", document.held_back_by},
          {"joining", joining},
          {"tables", tables}};
}

std::string Since(const std::string& utc, UtcTime now) {
  const auto time = ParseUtc(utc);
  return time.ok() ? fmt::format("{} ({})", utc, Ago(*time, now)) : utc;
}

void PrintOwner(const Shown& shown, UtcTime now) {
  const state::Owner& owner = shown.document.owner;
  const std::string lease = HumanDuration(std::chrono::milliseconds(owner.lease_ms));
  std::string life;
  switch (shown.owner) {
    case OwnerLife::kReleased:
      life = "ended and released the state";
      break;
    case OwnerLife::kLiving:
      life = "alive";
      break;
    case OwnerLife::kSilent:
      life = "gone; a standby takes over within " + lease;
      break;
    case OwnerLife::kUnknown:
      life = "lease of " + lease + " (--watch tells whether it lives)";
      break;
  }
  Say("owner: {}\n", Wrap(fmt::format("process {} on {}, since {}: {}", owner.pid, owner.host,
                                      Since(owner.since, now), life),
                          7));
}

void PrintPosition(const Shown& shown, UtcTime now) {
  const Document& document = shown.document;
  Say("database {}{}: complete through {}\n", document.database,
      document.group.empty() ? "" : ", group " + document.group,
      document.complete_through.ToString());
  if (shown.lag && shown.lag->complete_through_time) {
    const UtcTime time = *shown.lag->complete_through_time;
    Say("committed: {} ({})\n", FormatUtc(time), Ago(time, now));
  }
  if (shown.lag && shown.lag->newest <= document.complete_through) {
    Say("lag: none; nothing newer was captured\n");
  } else if (shown.lag && shown.lag->behind) {
    Say("lag: {} behind the newest captured change\n", HumanDuration(*shown.lag->behind));
  }
  if (!document.held_back_by.empty()) {
    Say("held back by: {}\n", Wrap(fmt::format("{}", fmt::join(document.held_back_by, ", ")), 14));
  }
}

void PrintTables(const Document& document) {
  Columns lines;
  lines.Row({"table", "objects", "", "last object"});
  for (const auto& [name, table] : document.tables) {
    lines.Row({table.NameForPeople(), fmt::format("{:>7}", table.sequence()),
               Condition(document, name, table), LastObject(table)});
  }
  Say("\n{}", lines.ToString(0));
}

void PrintAltered(const Document& document) {
  bool any = false;
  for (const auto& [name, table] : document.tables) {
    if (table.altered_values.empty()) continue;
    std::string columns;
    for (const auto& [column, values] : table.altered_values) {
      columns += fmt::format("{}{} of {}", columns.empty() ? "" : ", ", WithThousands(values),
                             column == state::kOtherColumns ? "further columns" : column);
    }
    Say("{}{}\n", any ? "" : "\n",
        Wrap(fmt::format("{} has altered values: {}", name, columns), 2));
    any = true;
  }
  if (!any) return;
  Say("{}\n", Wrap("What they lost, and the option that keeps it: values_altered in the log "
                   "of run; by type: cdc-to-s3 types",
                   2));
}

void PrintTroubles(const Document& document, UtcTime now) {
  for (const auto& [name, table] : document.tables) {
    for (const state::Gap& gap : table.gaps) {
      Say("\n{}\n", Wrap(fmt::format("gap in {}: {} to {}, accepted {}", name, gap.from.ToString(),
                                     gap.to.ToString(), Since(gap.accepted_at, now)),
                         2));
    }
    if (table.stopped.empty()) continue;
    Say("\n{}\n", Wrap(fmt::format("{} is stopped since {}: {}", name,
                                   Since(table.stopped_since, now), table.stopped),
                       2));
  }
}

// Captured tables that a run would deliver and that are in no document: they are new, or were
// refused before they could begin, and then nothing else here tells of them.
std::set<std::string> NotBegun(const config::Config& config, const std::vector<Shown>& all) {
  const auto selection = rules::TableSelection::Make(config.source.tables, config.source.exclude);
  std::set<std::string> names;
  for (const Shown& shown : all) {
    if (!shown.lag) continue;
    for (const source::CaptureInstance& instance : shown.lag->captured) {
      const auto has_it = [&](const Shown& one) {
        return rules::EntryOf(one.document, instance.source_object_id) != nullptr;
      };
      if (instance.table.empty() || !selection.Selects(instance.schema, instance.table) ||
          std::ranges::any_of(all, has_it)) {
        continue;
      }
      names.insert(instance.QualifiedName());
    }
  }
  return names;
}

Result<std::vector<Shown>> ReadAll(const config::Config& config, store::Store& store, bool watch) {
  std::vector<Shown> all;
  ARROW_ASSIGN_OR_RAISE(const auto names, FindDocuments(store, config));
  for (const state::DocumentName& name : names) {
    ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(store, name));
    if (!stored) continue;
    Shown shown{name, stored->document, LookAtOwner(stored->document.owner), std::nullopt};
    if (watch) {
      ARROW_ASSIGN_OR_RAISE(shown.owner, WatchOwner(store, name, shown.document.owner));
    }
    all.push_back(std::move(shown));
  }
  return all;
}

int ShowStatus(const config::Config& config, const Options& options, bool json) {
  const auto stores = OpenStores(config);
  if (!stores.ok()) return Fail(stores.status(), json);
  auto all = ReadAll(config, stores->state(), options.watch);
  if (!all.ok()) return Fail(all.status(), json);
  std::string why_not = "nothing was delivered yet";
  if (!all->empty()) {
    Server server = Connect(config, options.offline);
    why_not = server.why_not;
    for (Shown& shown : *all) {
      if (!server.source) break;
      const auto lag = AskForLag(*server.source, shown.document);
      if (lag.ok()) shown.lag = *lag;
      if (!lag.ok()) why_not = lag.status().message();
    }
  }

  bool troubled = false;
  Json documents = Json::array();
  const UtcTime now = Clock::System().UtcNow();
  for (const Shown& shown : *all) {
    for (const auto& [name, table] : shown.document.tables) troubled |= !table.stopped.empty();
    if (json) {
      documents.push_back(ToJson(shown));
      continue;
    }
    if (&shown != &all->front()) Say("\n");
    PrintPosition(shown, now);
    PrintOwner(shown, now);
    PrintTables(shown.document);
    PrintAltered(shown.document);
    PrintTroubles(shown.document, now);
  }
  const auto not_begun = NotBegun(config, *all);
  if (json) {
    PrintJson({{"database", all->empty() ? config.source.database : all->front().name.database},
               {"state", stores->state().url()},
               {"server_not_asked", why_not},
               {"not_begun", not_begun},
               {"documents", documents}});
  } else if (all->empty()) {
    Say("{} has no state document for database {} yet: nothing was delivered\n",
        stores->state().url(), config.source.database);
  } else if (!why_not.empty() && !options.offline) {
    Say("\nThe server could not be asked, so the lag is not known: {}\n", Wrap(why_not, 2));
  }
  if (!json && !not_begun.empty()) {
    Say("\n{}\n", Wrap(fmt::format("Captured and not begun: {}. If this stays, cdc-to-s3 "
                                   "tables says why",
                                   fmt::join(not_begun, ", ")),
                       2));
  }
  return troubled ? kExitAttention : kExitDone;
}

Action Prepare(CLI::App& flags) {
  auto options = std::make_shared<Options>();
  flags.add_flag("--offline", options->offline, "Do not ask the server");
  flags.add_flag("--watch", options->watch,
                 "Watch for at most a lease's length whether the owner lives");
  return [options](const config::Config& config, bool json) {
    return ShowStatus(config, *options, json);
  };
}

}  // namespace

extern const Verb kStatusVerb = {
    .name = "status",
    .summary = "Show what has been delivered, table by table",
    .about =
        "Shows what the state document says: who owns it, up to where everything is\n"
        "complete, and each table's objects, gaps and troubles. The server is asked for\n"
        "times and for captured tables that have not begun; without it, or with --offline,\n"
        "the document alone speaks. Where groups share the database and no group is set,\n"
        "all of them are shown.",
    .example = "cdc-to-s3 status\ncdc-to-s3 status --json --offline",
    .exit_codes =
        "0 done, 1 failed, 2 wrong usage or configuration, 3 done but a\n"
        "table needs attention",
    .json =
        "database, state, server_not_asked (why; \"\" when it was), not_begun [table],\n"
        "documents [group, history_id, owner {life (released, living, silent, unknown),\n"
        "host, pid, since, lease_ms}, complete_through, server {complete_through_time,\n"
        "newest, newest_time, behind_seconds} or null, held_back_by [table],\n"
        "joining [table], tables [schema, name, name_today, condition (complete, behind, joining,\n"
        "stopped), capture_instance, folder, objects, complete_through, last_object {key,\n"
        "sequence, rows, from, to, confirmed, incomplete} or null, gaps [from, to,\n"
        "accepted_at], altered_values {column: values that lost something},\n"
        "stopped {since, why} or null]]",
    .needs = Needs::kSourceAndTarget,
    .prepare = Prepare,
};

}  // namespace cdc::app

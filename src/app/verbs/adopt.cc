#include "repair/adopt.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/human.h"
#include "app/json.h"
#include "app/operation.h"
#include "app/owner_view.h"
#include "app/print.h"
#include "app/verb.h"
#include "base/text.h"
#include "base/units.h"
#include "state/lease.h"

namespace cdc::app {

namespace {

using arrow::Result;
using arrow::Status;
using repair::AdoptionPlan;

struct Options {
  bool new_history = false;  // at [source] start
  bool yes = false;          // else it says what it would do
};

constexpr size_t kIndent = 2;

// Whoever is alive would lose the document in the middle of a put.
Status RefuseLivingOwner(const Operation& operation, const AdoptionPlan& plan, bool json) {
  if (!plan.existing || !plan.existing->document) return Status::OK();
  const state::Owner& owner = plan.existing->document->owner;
  if (owner.lease_ms > 0 && !json) {
    SayError("watching for at most {} whether {} lives\n",
             HumanDuration(std::chrono::milliseconds(owner.lease_ms)),
             state::LeaseWatch::Describe(owner));
  }
  ARROW_ASSIGN_OR_RAISE(const OwnerLife life,
                        WatchOwner(operation.stores.state(), operation.options.document(), owner));
  if (life != OwnerLife::kLiving) return Status::OK();
  return Status::Invalid(
      "the state document has an owner that lives: ", state::LeaseWatch::Describe(owner),
      ". Nothing was changed. Stop every copy, wait 15 minutes, and try again");
}

Json ToJson(const AdoptionPlan& plan, const std::string& key, bool adopted,
            const std::string& aside) {
  Json tables = Json::array();
  for (const auto& table : plan.tables) {
    tables.push_back({{"table", table.name},
                      {"objects", table.objects},
                      {"last_object", table.last_object},
                      {"position", table.position.ToString()},
                      {"note", table.note}});
  }
  return {{"adopted", adopted}, {"needed", plan.needed},
          {"document", key},    {"history_id", plan.document.history_id},
          {"copied_to", aside}, {"notes", plan.notes},
          {"tables", tables}};
}

void Print(const AdoptionPlan& plan, const std::string& key, bool new_history) {
  std::string what = "is missing";
  if (plan.existing) {
    what = plan.existing->document ? "is there, of history " + plan.existing->document->history_id
                                   : "is damaged: " + plan.existing->damage;
  }
  Say("state document {}\n  now     {}\n", key, Wrap(what, 10));
  Say("  then    {} {}\n\n", new_history ? "a new history," : "history", plan.document.history_id);
  Columns lines;
  lines.Row({"table", "objects", "goes on behind", ""});
  for (const auto& table : plan.tables) {
    lines.Row(
        {table.name, fmt::format("{:>7}", table.objects), table.position.ToString(), table.note});
  }
  Say("{}", lines.ToString(0));
  for (const std::string& note : plan.notes) Say("\nnote: {}\n", Wrap(note, kIndent));
}

void PrintConclusion(const AdoptionPlan& plan, const std::string& aside, bool new_history,
                     const std::string& start, bool yes) {
  if (!yes) {
    return Say(
        "\nNothing was changed. Stop every copy of the program and wait 15 minutes, because\n"
        "a put of its may still arrive until then; then\n  cdc-to-s3 adopt{} --yes\n",
        new_history ? " --new-history --start " + ShellWord(start) : "");
  }
  if (!aside.empty()) Say("\nThe document that was there is kept as {}\n", aside);
  Say("\nAdopted. {}: cdc-to-s3 run\n", plan.tables.empty() ? "Begin" : "Go on");
}

struct Outcome {
  AdoptionPlan plan;
  std::string key;
  std::string aside;
  bool adopted = false;
};

Result<Outcome> Work(const config::Config& config, const Options& options, bool json) {
  ARROW_ASSIGN_OR_RAISE(Operation operation, BeginOperation(config, options.yes));
  Outcome outcome;
  outcome.key = operation.stores.state().url() + "/" + operation.options.document().Key();
  ARROW_ASSIGN_OR_RAISE(
      outcome.plan,
      repair::PlanAdoption(operation.options, {options.new_history, config.source.start},
                           *operation.source, *operation.stores.data, operation.stores.state()));
  if (!options.yes || !outcome.plan.needed) return outcome;
  ARROW_RETURN_NOT_OK(RefuseLivingOwner(operation, outcome.plan, json));
  ARROW_ASSIGN_OR_RAISE(outcome.aside, repair::Adopt(operation.options, outcome.plan,
                                                     operation.stores.state(), Clock::System()));
  outcome.adopted = true;
  return outcome;
}

int Adopt(const config::Config& config, const Options& options, bool json) {
  const auto outcome = Work(config, options, json);
  if (!outcome.ok()) return Fail(outcome.status(), json);
  const auto& [plan, key, aside, adopted] = *outcome;
  if (json) {
    PrintJson(ToJson(plan, key, adopted, aside));
  } else if (!plan.needed) {
    Say("{}\n", plan.existing
                    ? "the state document knows every object: there is nothing to adopt"
                    : "there is no object yet: cdc-to-s3 run begins a document by itself");
  } else {
    Print(plan, key, options.new_history);
    PrintConclusion(plan, aside, options.new_history, config.source.start, options.yes);
  }
  return plan.needed && !adopted ? kExitAttention : kExitDone;
}

Action Prepare(CLI::App& flags) {
  auto options = std::make_shared<Options>();
  // A start that nobody thought of would be a guess.
  flags.add_flag("--new-history", options->new_history, "Begin a new history; needs --start")
      ->needs(flags.get_option("--start"));
  flags.add_flag("--yes", options->yes, "Do it; without it nothing is changed");
  return
      [options](const config::Config& config, bool json) { return Adopt(config, *options, json); };
}

}  // namespace

extern const Verb kAdoptVerb = {
    .name = "adopt",
    .summary = "Rebuild a lost state document, or begin a new history",
    .about =
        "For two troubles after which a run refuses to go on.\n"
        "The state document was lost, damaged or set back: adopt rebuilds it from the\n"
        "records of the objects in the tables' folders; a run then goes on without loss\n"
        "or doubling.\n"
        "The database was restored or replaced on purpose: adopt --new-history begins a\n"
        "new history at --start now, oldest, a time or an LSN; names and numbers of\n"
        "objects go on behind the old ones (docs/FORMAT.md says what consumers see).\n"
        "Stop every copy and wait 15 minutes first. Whatever document is there is copied\n"
        "aside, never deleted.",
    .example =
        "cdc-to-s3 adopt\ncdc-to-s3 adopt --yes\n"
        "cdc-to-s3 adopt --new-history --start now --yes",
    .exit_codes =
        "0 done, or nothing to adopt, 1 failed or refused, 2 wrong usage or\n"
        "configuration, 3 this is what it would do: --yes was not given",
    .json =
        "adopted, needed, document, history_id, copied_to, notes [text], tables [table,\n"
        "objects, last_object, position, note]",
    .needs = Needs::kSourceAndTarget,
    .prepare = Prepare,
};

}  // namespace cdc::app

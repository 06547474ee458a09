#include "repair/follow.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/human.h"
#include "app/json.h"
#include "app/operation.h"
#include "app/print.h"
#include "app/verb.h"
#include "base/text.h"

namespace cdc::app {

namespace {

using arrow::Result;
using arrow::Status;
using repair::Replacement;

struct Options {
  std::vector<std::string> tables;  // patterns; none: all
  bool yes = false;                 // else it says what it would do
};

Json ToJson(const std::vector<Replacement>& found, bool allowed) {
  Json tables = Json::array();
  for (const Replacement& one : found) {
    tables.push_back({{"table", one.table},
                      {"earlier_object_id", one.earlier_id},
                      {"earlier_name_today", one.name_today},
                      {"earlier_is_gone", one.earlier_is_gone},
                      {"lost_from", one.lost ? Json(one.lost->from.ToString()) : Json(nullptr)},
                      {"lost_to", one.lost ? Json(one.lost->to.ToString()) : Json(nullptr)},
                      {"follower_object_id", one.follower_id},
                      {"instance", one.instance},
                      {"allowed", one.allowed || allowed}});
  }
  return {{"followed", allowed}, {"tables", tables}};
}

std::string EarlierText(const Replacement& one) {
  if (one.earlier_is_gone) {
    return one.lost ? "is not captured any more; its changes from " + one.lost->ToString() +
                          " are lost, which the state and the next object will say"
                    : "is not captured any more; all of it was delivered";
  }
  const std::string name = one.name_today.empty() ? "" : ", called " + one.name_today + " today";
  return "is captured still" + name + "; what it has is delivered first";
}

void Print(const std::vector<Replacement>& found) {
  constexpr size_t kIndent = 11;
  for (const Replacement& one : found) {
    Say("{}{}\n  earlier  object id {}: {}\n  follows  object id {}, capture instance {}\n",
        one.table, one.allowed ? "  (allowed already)" : "", one.earlier_id,
        Wrap(EarlierText(one), kIndent), one.follower_id, one.instance);
  }
}

void PrintConclusion(const std::vector<Replacement>& found, const Options& options) {
  if (found.empty()) return Say("no table's name has gone over to another table\n");
  if (options.yes) {
    return Say(
        "\nWritten into the state: the names go on with the other tables once the earlier ones are "
        "delivered.\nA copy that runs goes on by itself; otherwise: cdc-to-s3 run\n");
  }
  std::string words;
  for (const std::string& word : options.tables) words += " " + ShellWord(word);
  if (words.empty()) words = " TABLE…";
  Say("\nNothing was changed. To let them go on:\n  cdc-to-s3 follow{} --yes\n", words);
}

Status EveryWordIsReplaced(const Options& options, const state::Document& document,
                           const std::vector<std::string>& known,
                           const std::vector<Replacement>& found) {
  for (const std::string& word : options.tables) {
    ARROW_ASSIGN_OR_RAISE(const auto meant, Meant(word, document, known));
    const auto is_meant = [&](const Replacement& one) {
      return std::ranges::find(meant, one.table) != meant.end();
    };
    if (std::ranges::any_of(found, is_meant)) continue;
    return Status::Invalid(word, ": no other table is captured under this name");
  }
  return Status::OK();
}

Result<std::vector<Replacement>> Work(const config::Config& config, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(Operation operation, BeginOperation(config, options.yes));
  ARROW_ASSIGN_OR_RAISE(const auto document, ReadDocument(operation));
  const auto known = ReadTables(operation, document);
  ARROW_ASSIGN_OR_RAISE(const auto tables, AllMeant(options.tables, document, known));
  ARROW_ASSIGN_OR_RAISE(
      auto found, repair::FindReplacements(operation.options, *operation.source, document, tables));
  ARROW_RETURN_NOT_OK(EveryWordIsReplaced(options, document, known, found));
  if (!options.yes || found.empty()) return found;
  return repair::AllowFollowers(operation.options, *operation.source, operation.stores.state(),
                                Clock::System(), tables);
}

int Follow(const config::Config& config, const Options& options, bool json) {
  if (options.yes && options.tables.empty()) {
    Fail(Status::Invalid("follow --yes needs the tables"), json);
    return kExitUsage;
  }
  const auto found = Work(config, options);
  if (!found.ok()) return Fail(found.status(), json);
  const bool followed = options.yes && !found->empty();
  if (json) {
    PrintJson(ToJson(*found, followed));
  } else {
    Print(*found);
    PrintConclusion(*found, options);
  }
  const bool waits = std::ranges::any_of(*found, [](const auto& one) { return !one.allowed; });
  return waits && !followed ? kExitAttention : kExitDone;
}

Action Prepare(CLI::App& flags) {
  auto options = std::make_shared<Options>();
  flags.add_option("table", options->tables, "Tables, as in [source] tables");
  flags.add_flag("--yes", options->yes, "Do it; without it nothing is changed");
  return
      [options](const config::Config& config, bool json) { return Follow(config, *options, json); };
}

}  // namespace

extern const Verb kFollowVerb = {
    .name = "follow",
    .summary = "Let another table go on under the name of an earlier one",
    .about =
        "Shows the names under which another table is captured than the one that was\n"
        "delivered: one that was swapped in, or dropped and made anew. With --yes the\n"
        "name goes on with the new table, in the same folder, from its capture\n"
        "instance's start, once what the earlier table has is delivered or, where it is\n"
        "gone, recorded as a gap. [source] on_replace = \"follow\" does so by itself.",
    .example = "cdc-to-s3 follow\ncdc-to-s3 follow dbo.Orders --yes",
    .exit_codes =
        "0 done, or nothing to do, 1 failed, or a named table is not\n"
        "replaced, 2 wrong usage or configuration, 3 there are some and --yes was not\n"
        "given",
    .json =
        "followed, tables [table, earlier_object_id, earlier_name_today, earlier_is_gone,\n"
        "lost_from, lost_to, follower_object_id, instance, allowed]",
    .needs = Needs::kSourceAndTarget,
    .prepare = Prepare,
};

}  // namespace cdc::app

#include "repair/accept_gap.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/human.h"
#include "app/json.h"
#include "app/operation.h"
#include "app/print.h"
#include "app/verb.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "rules/selection.h"

namespace cdc::app {

namespace {

using arrow::Result;
using arrow::Status;
using repair::GapReport;
using repair::OpenGap;
using state::Document;

struct Options {
  std::vector<std::string> tables;  // patterns; none: all
  bool all = false;
  bool yes = false;  // else it says what it would do
};

const char* KindName(OpenGap::Kind kind) {
  switch (kind) {
    case OpenGap::Kind::kRetention:
      return "retention";
    case OpenGap::Kind::kNewInstance:
      return "new_instance";
    case OpenGap::Kind::kClaim:
      return "claim";
  }
  return "";
}

// Whoever names a table expects a gap there: it is an error if there is none.
Status EveryWordHasAGap(const Options& options, const Document& document,
                        const std::vector<std::string>& known, const GapReport& report) {
  for (const std::string& word : options.tables) {
    ARROW_ASSIGN_OR_RAISE(const auto meant, Meant(word, document, known));
    if (std::ranges::any_of(meant, [&](const auto& name) { return report.HasGap(name); })) continue;
    const std::string& name = meant.front();
    const auto refused = report.refused.find(name);
    const std::string& stopped = document.tables.at(name).stopped;
    return Status::Invalid(word, " has no gap that could be accepted: ",
                           refused != report.refused.end() ? refused->second
                           : stopped.empty()
                               ? "everything behind its resume position can still be read"
                               : "it is stopped for another reason: " + stopped);
  }
  return Status::OK();
}

Json ToJson(const GapReport& report, const Document& document, bool accepted) {
  Json gaps = Json::array(), refused = Json::array();
  for (const OpenGap& gap : report.gaps) {
    gaps.push_back({{"table", gap.table},
                    {"kind", KindName(gap.kind)},
                    {"from", gap.from.ToString()},
                    {"to", gap.to.ToString()},
                    {"why", gap.why},
                    {"stopped_since", document.tables.at(gap.table).stopped_since}});
  }
  for (const auto& [table, why] : report.refused) {
    refused.push_back({{"table", table}, {"why", why}});
  }
  return {{"accepted", accepted}, {"gaps", gaps}, {"refused", refused}};
}

void Print(const GapReport& report, const Document& document) {
  constexpr size_t kIndent = 9;
  for (const OpenGap& gap : report.gaps) {
    Say("{}\n  from   {}\n  to     {}\n  why    {}\n", gap.table, gap.from.ToString(),
        gap.to.ToString(), Wrap(gap.why, kIndent));
    const std::string& since = document.tables.at(gap.table).stopped_since;
    if (const auto time = ParseUtc(since); time.ok()) {
      Say("  since  {} ({})\n", since, Ago(*time, Clock::System().UtcNow()));
    }
  }
  for (const auto& [table, why] : report.refused) {
    Say("{}\n  cannot be helped here: {}\n", table, Wrap(why, kIndent));
  }
}

void PrintConclusion(const GapReport& report, const Options& options) {
  if (report.gaps.empty()) return Say("no table has a gap\n");
  if (options.yes) {
    return Say(
        "\nRecorded in the state; the next objects begin behind the gaps and say so.\n"
        "A copy that runs goes on by itself; otherwise: cdc-to-s3 run\n");
  }
  std::string words;
  if (options.all) words = " --all";
  for (const std::string& word : options.tables) words += " " + ShellWord(word);
  if (words.empty()) words = " TABLE…|--all";
  Say("\nNothing was changed. These changes are lost; to go on behind them:\n"
      "  cdc-to-s3 accept-gap{} --yes\n",
      words);
}

struct Outcome {
  Document document;  // as it was
  GapReport report;
};

Result<Outcome> Work(const config::Config& config, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(Operation operation, BeginOperation(config, options.yes));
  Outcome outcome;
  ARROW_ASSIGN_OR_RAISE(outcome.document, ReadDocument(operation));
  const auto known = ReadTables(operation, outcome.document);
  ARROW_ASSIGN_OR_RAISE(const auto tables, AllMeant(options.tables, outcome.document, known));
  ARROW_ASSIGN_OR_RAISE(outcome.report,
                        repair::JudgeGaps(operation.options, *operation.source,
                                          *operation.stores.data, outcome.document, tables));
  ARROW_RETURN_NOT_OK(EveryWordHasAGap(options, outcome.document, known, outcome.report));
  if (!options.yes || outcome.report.gaps.empty()) return outcome;
  ARROW_ASSIGN_OR_RAISE(
      outcome.report,
      repair::AcceptGaps(operation.options, *operation.source, *operation.stores.data,
                         operation.stores.state(), Clock::System(), tables));
  return outcome;
}

int AcceptGap(const config::Config& config, const Options& options, bool json) {
  if (options.yes && !options.all && options.tables.empty()) {
    Fail(Status::Invalid("accept-gap --yes needs the tables, or --all"), json);
    return kExitUsage;
  }
  if (options.all && !options.tables.empty()) {
    Fail(Status::Invalid("accept-gap takes tables or --all, not both"), json);
    return kExitUsage;
  }
  const auto outcome = Work(config, options);
  if (!outcome.ok()) return Fail(outcome.status(), json);
  const GapReport& report = outcome->report;
  const bool accepted = options.yes && !report.gaps.empty();
  if (json) {
    PrintJson(ToJson(report, outcome->document, accepted));
  } else {
    Print(report, outcome->document);
    PrintConclusion(report, options);
  }
  const bool attention = !report.refused.empty() || (!accepted && !report.gaps.empty());
  return attention ? kExitAttention : kExitDone;
}

Action Prepare(CLI::App& flags) {
  auto options = std::make_shared<Options>();
  flags.add_option("table", options->tables, "Tables, as in [source] tables");
  flags.add_flag("--all", options->all, "All tables that have a gap");
  flags.add_flag("--yes", options->yes, "Do it; without it nothing is changed");
  return [options](const config::Config& config, bool json) {
    return AcceptGap(config, *options, json);
  };
}

}  // namespace

extern const Verb kAcceptGapVerb = {
    .name = "accept-gap",
    .summary = "Go on behind changes that can no longer be read",
    .about =
        "Shows the gaps that stop tables: changes that nobody can read any more, because\n"
        "retention passed them or a capture instance was made anew. With --yes it records\n"
        "them in the state, so that the tables go on behind them; the next objects carry\n"
        "the gaps in their footers. A running copy loses the state for a moment and takes\n"
        "it over again. Only what really cannot be read is given up.",
    .example =
        "cdc-to-s3 accept-gap\ncdc-to-s3 accept-gap dbo.Orders 'Sales.*' --yes\n"
        "cdc-to-s3 accept-gap --all --yes",
    .exit_codes =
        "0 done, or no gap, 1 failed, or a named table has no gap, 2 wrong\n"
        "usage or configuration, 3 there are gaps and --yes was not given, or a table\n"
        "cannot be helped by accepting",
    .json =
        "accepted, gaps [table, kind (retention, new_instance, claim), from, to, why,\n"
        "stopped_since], refused [table, why]",
    .needs = Needs::kSourceAndTarget,
    .prepare = Prepare,
};

}  // namespace cdc::app

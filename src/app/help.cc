#include "app/help.h"

#include <arrow/util/logging.h>
#include <fmt/format.h>

#include <sstream>

#include "app/human.h"
#include "config/config.h"

namespace cdc::app {

namespace {

constexpr VerbHelp kVerbs[] = {
    {"check", "Look at source, target and settings, and say what to fix",
     "Looks at source, target and settings as a run would, says what it finds, and ends\n"
     "with what is to be fixed. Delivers nothing; the target gets a probe of a few bytes\n"
     "at _cdc_to_s3/probe.",
     "cdc-to-s3 check",
     "0 everything is in place, 1 something is to be fixed, 2 wrong usage\n"
     "or configuration",
     "ok, settings [key, value, origin], memory [peak_bytes, long_value_bytes (what a\n"
     "value of max_value_bytes adds)], findings [section, verdict (ok, note, bad),\n"
     "what], to_fix [text]",
     true, true},
    {"run", "Capture changes until stopped",
     "Delivers the changes of all selected tables, round by round, until SIGTERM or\n"
     "SIGINT; with --once up to the newest change at its start.",
     "cdc-to-s3 run\ncdc-to-s3 run --once --interval 5s",
     "0 done, 1 failed, 2 wrong usage or configuration, 3 done but a\n"
     "table needs attention",
     "", true, true},
    {"tables", "Show captured tables and what their columns become",
     "Shows every captured table, or those that fit a pattern: its capture instances,\n"
     "whether it is selected, its folder, its key, what its columns become, and whether\n"
     "rows wait to be delivered. A table that cannot be delivered says why.",
     "cdc-to-s3 tables\ncdc-to-s3 tables 'Sales.*' --json",
     "0 done, 1 failed, 2 wrong usage or configuration, 3 a selected\n"
     "table cannot be delivered",
     "database, tables [schema, name, selected, in_state, deliverable, why_not, folder,\n"
     "rows_waiting (true, false, null: not known), capture_instances [name,\n"
     "change_table, low_end, created], key_columns [name], options (as in the files'\n"
     "footers), columns [name, ordinal, column_id, sql_type, computed, delivered, mask,\n"
     "parquet [name, type]]]",
     true, false},
    {"types", "Show what each SQL type becomes in Parquet",
     "Shows what the columns of each SQL type become with these settings, and what each\n"
     "option ([types] in the TOML file, CDC_TYPES_... in the environment) would make of\n"
     "them, masks apart. For named types also what readers of Parquet see, and what is\n"
     "lost in them.\n"
     "Needs neither server nor target.",
     "cdc-to-s3 types\ncdc-to-s3 types datetime2 'date*'\n"
     "CDC_TYPES_DATETIME2=nanos cdc-to-s3 types --json",
     "0 done, 1 a word fits no type, 2 wrong usage or configuration",
     "types [sql_type, forms (the first is in effect) [options {name: word}, columns\n"
     "[name, parquet], note]], metadata [the same of CDC's own columns], options [name,\n"
     "scope (column, table), words, default, in_effect, help], forms [parquet, readers\n"
     "{reader: {type (\"\": refused), loss, setting (with which nothing is lost),\n"
     "setting_type}}], losses {loss: meaning}",
     true, false},
    {"status", "Show what has been delivered, table by table",
     "Shows what the state document says: who owns it, up to where everything is\n"
     "complete, and each table's objects, gaps and troubles. The server is asked for\n"
     "times and for captured tables that have not begun; without it, or with --offline,\n"
     "the document alone speaks. Where groups share the database and no group is set,\n"
     "all of them are shown.",
     "cdc-to-s3 status\ncdc-to-s3 status --json --offline",
     "0 done, 1 failed, 2 wrong usage or configuration, 3 done but a\n"
     "table needs attention",
     "database, state, server_not_asked (why; \"\" when it was), not_begun [table],\n"
     "documents [group, history_id, owner {life (released, living, silent, unknown),\n"
     "host, pid, since, lease_ms}, complete_through, server {complete_through_time,\n"
     "newest, newest_time, behind_seconds} or null, held_back_by [table],\n"
     "joining [table], tables [schema, name, condition (complete, behind, joining,\n"
     "stopped), capture_instance, folder, objects, complete_through, last_object {key,\n"
     "sequence, rows, from, to, confirmed, incomplete} or null, gaps [from, to,\n"
     "accepted_at], altered_values {column: values that lost something},\n"
     "stopped {since, why} or null]]",
     true, false},
    {"accept-gap", "Go on behind changes that can no longer be read",
     "Shows the gaps that stop tables: changes that nobody can read any more, because\n"
     "retention passed them or a capture instance was made anew. With --yes it records\n"
     "them in the state, so that the tables go on behind them; the next objects carry\n"
     "the gaps in their footers. A running copy loses the state for a moment and takes\n"
     "it over again. Only what really cannot be read is given up.",
     "cdc-to-s3 accept-gap\ncdc-to-s3 accept-gap dbo.Orders 'Sales.*' --yes\n"
     "cdc-to-s3 accept-gap --all --yes",
     "0 done, or no gap, 1 failed, or a named table has no gap, 2 wrong\n"
     "usage or configuration, 3 there are gaps and --yes was not given, or a table\n"
     "cannot be helped by accepting",
     "accepted, gaps [table, kind (retention, new_instance, claim), from, to, why,\n"
     "stopped_since], refused [table, why]",
     true, false},
    {"adopt", "Rebuild a lost state document, or begin a new history",
     "For two troubles after which a run refuses to go on.\n"
     "The state document was lost, damaged or set back: adopt rebuilds it from the\n"
     "records of the objects in the tables' folders; a run then goes on without loss\n"
     "or doubling.\n"
     "The database was restored or replaced on purpose: adopt --new-history begins a\n"
     "new history at --start now, oldest, a time or an LSN; names and numbers of\n"
     "objects go on behind the old ones (docs/FORMAT.md says what consumers see).\n"
     "Stop every copy and wait 15 minutes first. Whatever document is there is copied\n"
     "aside, never deleted.",
     "cdc-to-s3 adopt\ncdc-to-s3 adopt --yes\n"
     "cdc-to-s3 adopt --new-history --start now --yes",
     "0 done, or nothing to adopt, 1 failed or refused, 2 wrong usage or\n"
     "configuration, 3 this is what it would do: --yes was not given",
     "adopted, needed, document, history_id, copied_to, notes [text], tables [table,\n"
     "objects, last_object, position, note]",
     true, false},
    {"version", "Print the version",
     "Prints the version of the program and of the formats that it writes.", "cdc-to-s3 version",
     "0 done, 2 wrong usage", "version, object_format, state_format", false, false},
};

std::string Indented(const char* text) {
  std::string out, line;
  std::istringstream lines(text);
  while (std::getline(lines, line)) out += "  " + line + "\n";
  return out;
}

std::string AllSettings() {
  std::string text = "Settings: TOML key, environment names, default\n";
  for (const auto& key : config::AllKeys()) {
    std::string names;
    for (const auto& name : key.environment) names += (names.empty() ? "" : ", ") + name;
    if (!key.default_text.empty()) names += "  (default: " + key.default_text + ")";
    text += fmt::format("  {:<26} {}\n  {:<26}   {}\n", key.key, Wrap(key.help, 29), "",
                        Wrap(names, 31));
  }
  return text +
         "  [types] has no flags. TOML sections say otherwise for tables and columns that fit a\n"
         "  pattern; a later one wins, and one of columns over one of tables:\n"
         "    [table.\"Person.*\"]                        every option of [types], and\n"
         "      columns = [\"Id\", \"*Name\"]               deliver these columns alone\n"
         "      exclude_columns = [\"Photo\"]             leave these out\n"
         "    [table.\"Person.*\".column.\"Email*\"]       every option but lsn and meta_prefix\n"
         "      mask = \"hash\"\n"
         "  Without target.access_key_id credentials are looked for where AWS's own tools do:\n"
         "  web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME),\n"
         "  the profile (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE), the container\n"
         "  (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI,\n"
         "  AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE), the instance\n"
         "  (AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT, _ENDPOINT_MODE);\n"
         "  roles are assumed at AWS_ENDPOINT_URL_STS (default: the region's).\n";
}

}  // namespace

const VerbHelp& HelpOf(const std::string& verb) {
  for (const VerbHelp& help : kVerbs) {
    if (help.name == verb) return help;
  }
  ARROW_LOG(FATAL) << "no help for " << verb;
  std::abort();
}

std::string Footer(const VerbHelp& help) {
  std::string text = fmt::format("Example:\n{}", Indented(help.example));
  text += "\nExit codes:" + Indented(help.exit_codes).substr(1);
  if (*help.json != '\0') text += fmt::format("\nJSON members:\n{}", Indented(help.json));
  if (help.lists_all_settings) {
    text += "\n" + AllSettings();
  } else if (help.takes_settings) {
    text += "\nAll settings: cdc-to-s3 check --help\n";
  }
  if (help.takes_settings) {
    text +=
        "Flags win over the environment, the environment over .env, .env over the TOML\n"
        "file.";
  }
  return text;
}

}  // namespace cdc::app

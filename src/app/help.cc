#include "app/help.h"

#include <fmt/format.h>

#include <sstream>

#include "app/human.h"
#include "config/config.h"

namespace cdc::app {

namespace {

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

std::string Footer(const Verb& verb) {
  const bool takes_settings = verb.needs != Needs::kNothing;
  std::string text = fmt::format("Example:\n{}", Indented(verb.example));
  text += "\nExit codes:" + Indented(verb.exit_codes).substr(1);
  if (*verb.json != '\0') text += fmt::format("\nJSON members:\n{}", Indented(verb.json));
  if (verb.lists_all_settings) {
    text += "\n" + AllSettings();
  } else if (takes_settings) {
    text += "\nAll settings: cdc-to-s3 check --help\n";
  }
  if (takes_settings) {
    text +=
        "Flags win over the environment, the environment over .env, .env over the TOML\n"
        "file.";
  }
  return text;
}

}  // namespace cdc::app

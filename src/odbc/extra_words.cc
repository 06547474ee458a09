#include "odbc/extra_words.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace cdc::odbc {
namespace {

struct Refusal {
  std::string_view name;  // lower case
  std::string_view instead;
};

// Words with a setting of their own, and words that would break a promise.
constexpr Refusal kRefused[] = {
    {"driver", "set source.driver"},
    {"dsn", "its words would come unseen; write them out"},
    {"filedsn", "its words would come unseen; write them out"},
    {"savefile", "it would write the password to a file"},
    {"server", "set source.host"},
    {"servername", "set source.host"},
    {"address", "set source.host"},
    {"addr", "set source.host"},
    {"port", "set source.host"},
    {"network", "only TCP is supported"},
    {"database", "set source.database"},
    {"uid", "set source.user"},
    {"user", "set source.user"},
    {"pwd", "set the password in the environment or a file"},
    {"password", "set the password in the environment or a file"},
    {"encrypt", "set source.encrypt"},
    {"encryption", "set source.encrypt"},
    {"trustservercertificate", "set source.trust_server_certificate"},
    {"applicationintent", "set source.application_intent"},
    {"multisubnetfailover", "set source.multi_subnet_failover"},
    {"connectretrycount", "a driver that reconnects unseen may mix two replicas in one result"},
    {"connectretryinterval", "a driver that reconnects unseen may mix two replicas in one result"},
    {"mars_connection", "results are read one at a time"},
    {"language", "messages and dates are read in English"},
    {"regional", "values would be changed on their way"},
    {"autotranslate", "values would be changed on their way"},
    {"clientcharset", "values would be changed on their way"},
    {"textsize", "long values would be cut"},
    {"dumpfile", "FreeTDS would write the password to a file"},
    {"dumpfileappend", "FreeTDS would write the password to a file"},
    {"debugflags", "FreeTDS would write the password to a file"},
    {"tds_version", "the program needs 7.4"},
    {"quotedid", "the program's statements need it"},
    {"ansinpw", "the program's statements need it"},
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

arrow::Status Malformed(std::string_view why) {
  return arrow::Status::Invalid("source.odbc_options: ", why,
                                "; write Word=value;Word=value, a value with ; inside {}");
}

// Takes a value from the front of `rest`, and the ';' behind it.
arrow::Result<std::string> TakeValue(std::string_view* rest) {
  *rest = rest->substr(std::min(rest->find_first_not_of(' '), rest->size()));
  if (!rest->starts_with('{')) {
    const size_t end = std::min(rest->find(';'), rest->size());
    const std::string value(Trim(rest->substr(0, end)));
    rest->remove_prefix(std::min(end + 1, rest->size()));
    return value;
  }
  std::string value;
  size_t at = 1;
  for (; at < rest->size(); ++at) {
    if ((*rest)[at] == '}') {
      if (at + 1 == rest->size() || (*rest)[at + 1] != '}') break;
      ++at;  // "}}" is a brace
    }
    value += (*rest)[at];
  }
  if (at >= rest->size()) return Malformed("a { has no }");
  rest->remove_prefix(at + 1);
  *rest = Trim(*rest);
  if (!rest->empty() && !rest->starts_with(';')) return Malformed("text behind a }");
  if (!rest->empty()) rest->remove_prefix(1);
  return value;
}

arrow::Status CheckAllowed(const DriverProfile& profile, const std::string& name) {
  const std::string lower = Lower(name);
  const auto refused = std::ranges::find(kRefused, lower, &Refusal::name);
  if (refused != std::end(kRefused)) {
    return arrow::Status::Invalid("source.odbc_options may not hold ", name, ": ",
                                  refused->instead);
  }
  if (profile.known_words.empty()) return arrow::Status::OK();
  const auto is_same = [&](std::string_view known) { return Lower(known) == lower; };
  if (std::ranges::any_of(profile.known_words, is_same)) return arrow::Status::OK();
  return arrow::Status::Invalid("source.odbc_options: the driver ", profile.name, " does not know ",
                                name, " and would pass over it");
}

}  // namespace

arrow::Result<std::vector<ExtraWord>> ParseExtraWords(const DriverProfile& profile,
                                                      std::string_view text) {
  std::vector<ExtraWord> words;
  std::string_view rest = Trim(text);
  while (!rest.empty()) {
    if (rest.starts_with(';')) {
      rest = Trim(rest.substr(1));
      continue;
    }
    const size_t equals = rest.find('=');
    const std::string name(Trim(rest.substr(0, equals)));
    if (equals == rest.npos || name.empty() || name.find(';') != name.npos) {
      return Malformed("a word without its =");
    }
    ARROW_RETURN_NOT_OK(CheckAllowed(profile, name));
    rest.remove_prefix(equals + 1);
    ARROW_ASSIGN_OR_RAISE(std::string value, TakeValue(&rest));
    words.push_back({name, std::move(value)});
    rest = Trim(rest);
  }
  return words;
}

arrow::Status RefuseDump(const DriverProfile& profile) {
  if (!profile.has_configuration_file) return arrow::Status::OK();
  for (const char* name : {"TDSDUMP", "TDSDUMPCONFIG"}) {
    const char* file = std::getenv(name);
    if (file == nullptr || *file == '\0') continue;
    return arrow::Status::Invalid("the environment has ", name, ": with it FreeTDS writes the ",
                                  "password to a file. What helps: unset ", name);
  }
  return arrow::Status::OK();
}

const std::string* FindWord(const std::vector<ExtraWord>& words, std::string_view name) {
  const auto found = std::ranges::find_if(
      words, [&](const ExtraWord& word) { return Lower(word.name) == Lower(name); });
  return found == words.end() ? nullptr : &found->value;
}

}  // namespace cdc::odbc

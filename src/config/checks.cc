#include "config/checks.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "base/hidden.h"
#include "base/lsn.h"
#include "base/utc_text.h"
#include "config/nearest.h"

namespace cdc::config {
namespace {

using arrow::Status;

bool IsFolderUrl(std::string_view text) {
  return text.starts_with("file:///") && text.size() > std::string_view("file:///").size();
}

Status CheckOneOf(std::string_view text, std::initializer_list<std::string_view> known) {
  if (std::ranges::find(known, text) != known.end()) return Status::OK();
  std::string list;
  for (const std::string_view word : known) {
    list += (list.empty() ? "" : word == *(known.end() - 1) ? " or " : ", ") + std::string(word);
  }
  return Status::Invalid("\"", text, "\" is not ", list);
}

Status CheckOneName(std::string_view text, std::string_view odd, const char* what) {
  if (text.find_first_of(odd) == std::string_view::npos) return Status::OK();
  return Status::Invalid("\"", HideBehindName(text), "\" is more than ", what,
                         ": user, password and further words have settings of their own "
                         "(SQL_SERVER_USER, SQL_SERVER_PASSWORD, [source] odbc_options)");
}

// Keys in a URL would be shown wherever the URL is.
Status RefuseSecretIn(std::string_view url) {
  if (!HoldsSecret(url)) return Status::OK();
  return Status::Invalid("\"", HideInUrl(url),
                         "\" holds more than an address: keys go into AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY, in the environment or in .env");
}

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool IsDigitOrDot(char c) { return IsDigit(c) || c == '.'; }

}  // namespace

Status CheckStart(std::string_view text) {
  if (text == "oldest" || text == "now" || Lsn::Parse(text).ok()) return Status::OK();
  const auto time = ParseUtc(text);
  if (time.ok()) return Status::OK();
  // What begins like a date is explained as one.
  if (text.size() >= 10 && text[4] == '-' && text[7] == '-') return time.status();
  return Status::Invalid("\"", text,
                         "\" is not oldest, now, a time (2025-01-09T14:30:00Z) or an LSN of 20 "
                         "hex digits");
}

Status CheckHost(std::string_view text) { return CheckOneName(text, ";=@", "a server's name"); }
Status CheckDriver(std::string_view text) { return CheckOneName(text, ";=", "a driver's name"); }

Status CheckTargetUrl(std::string_view text) {
  constexpr std::string_view kS3 = "s3://";
  if (IsFolderUrl(text)) return Status::OK();
  if (!text.starts_with(kS3) || text.find('@') < text.find('/', kS3.size())) {
    ARROW_RETURN_NOT_OK(RefuseSecretIn(text));
  }
  if (text.starts_with(kS3) && text.size() > kS3.size() && text[kS3.size()] != '/') {
    return Status::OK();
  }
  return Status::Invalid("\"", text, "\" is not s3://<bucket>/<prefix> or file:///<folder>");
}

Status CheckState(std::string_view text) {
  if (IsFolderUrl(text)) return Status::OK();
  return Status::Invalid(
      "\"", text, "\" is not file:///<folder>; leave it out to keep the state in the target");
}

Status CheckEndpoint(std::string_view text) {
  ARROW_RETURN_NOT_OK(RefuseSecretIn(text));
  if (text.starts_with("http://") || text.starts_with("https://")) return Status::OK();
  return Status::Invalid("\"", text, "\" is not a URL: write http://", text, " or https://", text);
}

Status CheckPathTemplate(std::string_view text) {
  static const std::vector<std::string> kKnown = {"{database}", "{schema}", "{table}", "{date}"};
  if (text.empty() || text.front() == '/' || text.back() == '/' ||
      text.find("//") != std::string_view::npos) {
    return Status::Invalid("\"", text, "\" is not a relative path like {database}/{table}/cdc");
  }
  for (size_t at = text.find_first_of("{}"); at != std::string_view::npos;
       at = text.find_first_of("{}", at)) {
    const size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return Status::Invalid("\"", text, "\" has a brace without its partner");
    }
    const std::string found(text.substr(at, end - at + 1));
    if (std::ranges::find(kKnown, found) == kKnown.end()) {
      return Status::Invalid("\"", text, "\": unknown placeholder ", found, "; did you mean ",
                             Nearest(found, kKnown), "?");
    }
    at = end + 1;
  }
  if (text.find("{table}") == std::string_view::npos) {
    return Status::Invalid("\"", text, "\" lacks {table}: every table needs a folder of its own");
  }
  return Status::OK();
}

Status CheckLogLevel(std::string_view text) {
  return CheckOneOf(text, {"debug", "info", "warn", "error"});
}

Status CheckLogFormat(std::string_view text) { return CheckOneOf(text, {"auto", "text", "json"}); }

Status CheckOnTypeChange(std::string_view text) {
  return CheckOneOf(text, {"stop", "same_folder", "new_folder"});
}

Status CheckEncrypt(std::string_view text) {
  return CheckOneOf(text, {"auto", "yes", "no", "strict"});
}

Status CheckIntent(std::string_view text) { return CheckOneOf(text, {"ReadWrite", "ReadOnly"}); }

Status CheckGroup(std::string_view text) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  if (text.size() <= 64 && std::ranges::all_of(text, fits)) return Status::OK();
  return Status::Invalid("\"", text, "\" is not a name of at most 64 letters, digits, - and _");
}

Status CheckEncryption(std::string_view text) {
  return CheckOneOf(text, {"AES256", "aws:kms", "aws:kms:dsse"});
}

// Not a list of the classes: other stores have others.
Status CheckStorageClass(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_'; };
  if (std::ranges::all_of(text, fits)) return Status::OK();
  return Status::Invalid("\"", text, "\" is not a storage class like STANDARD_IA");
}

// Not a list either. An ACL that lets everybody read is nobody's wish for such data.
Status CheckAcl(std::string_view text) {
  if (text.starts_with("public-")) {
    return Status::Invalid("\"", text, "\" would let everybody read the data");
  }
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  if (std::ranges::all_of(text, fits)) return Status::OK();
  return Status::Invalid("\"", text, "\" is not a canned ACL like bucket-owner-full-control");
}

Status CheckAccount(std::string_view text) {
  if (text.size() == 12 && std::ranges::all_of(text, IsDigit)) return Status::OK();
  return Status::Invalid("\"", text, "\" is not an account id of 12 digits");
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
Status CheckTags(const std::vector<std::string>& tags) {
  std::set<std::string> names;
  for (const std::string& tag : tags) {
    const size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::Invalid("\"", tag, "\" is not name=value");
    }
    if (equals > 128 || tag.size() - equals - 1 > 256) {
      return Status::Invalid("\"", tag, "\" is longer than 128 for the name and 256 for the value");
    }
    // Letters of any script are allowed: bytes above ASCII are left to the store.
    const auto fits = [](unsigned char c) {
      return c >= 0x80 || std::isalnum(c) != 0 ||
             std::string_view(" +-=._:/@").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (!std::ranges::all_of(tag, fits)) {
      return Status::Invalid("\"", tag,
                             "\" holds more than letters, digits, blanks and + - = . _ : / @");
    }
    if (!names.insert(tag.substr(0, equals)).second) {
      return Status::Invalid("the name of \"", tag, "\" is there twice");
    }
  }
  if (tags.size() > 10) return Status::Invalid(tags.size(), " tags; an object takes 10");
  return Status::OK();
}

Status CheckListen(std::string_view text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  const char* end = text.data() + text.size();
  if (colon != std::string_view::npos && colon > 0) {
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error == std::errc{} && at == end && port >= 0 && port <= 65'535) return Status::OK();
  }
  return Status::Invalid("\"", text, "\" is not host:port, for example 127.0.0.1:9464");
}

bool IsLocalEndpoint(std::string_view endpoint) {
  const size_t scheme = endpoint.find("://");
  if (scheme != std::string_view::npos) endpoint.remove_prefix(scheme + 3);
  if (endpoint.starts_with('[')) return true;  // IPv6
  const std::string_view host = endpoint.substr(0, endpoint.find_first_of(":/"));
  if (host.empty()) return false;
  return host.find('.') == std::string_view::npos || host.ends_with(".localhost") ||
         std::ranges::all_of(host, IsDigitOrDot);
}

}  // namespace cdc::config

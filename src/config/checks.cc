#include "config/checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "config/nearest.h"

namespace cdc::config {
namespace {

using arrow::Status;

bool IsFolderUrl(std::string_view text) {
  return text.starts_with("file:///") && text.size() > std::string_view("file:///").size();
}

bool IsDigitOrDot(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.'; }

}  // namespace

Status CheckStart(std::string_view text) {
  if (text == "oldest" || text == "now" || Lsn::Parse(text).ok()) return Status::OK();
  return Status::Invalid("\"", text, "\" is not oldest, now or an LSN of 20 hex digits");
}

Status CheckTargetUrl(std::string_view text) {
  constexpr std::string_view kS3 = "s3://";
  if (IsFolderUrl(text)) return Status::OK();
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
  constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
  if (std::ranges::find(kLevels, text) != kLevels.end()) return Status::OK();
  return Status::Invalid("\"", text, "\" is not debug, info, warn or error");
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

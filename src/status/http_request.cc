#include "status/http_request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace cdc::status {

namespace {

constexpr size_t kHeadersMax = 100;
constexpr std::string_view kLineEnd = "\r\n";

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, Lower, Lower);
}

// RFC 9110, 5.6.2
bool IsTokenChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string_view NextLine(std::string_view* head) {
  const std::string_view line = head->substr(0, head->find(kLineEnd));
  head->remove_prefix(std::min(head->size(), line.size() + kLineEnd.size()));
  return line;
}

bool IsPort(std::string_view text) {
  return text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "name:port", "[::1]:port" -> "name", "[::1]"; nothing if it is none of them.
std::optional<std::string> HostOf(std::string_view authority) {
  const size_t close = authority.starts_with('[') ? authority.find(']') : 0;
  if (close == std::string_view::npos) return std::nullopt;
  const size_t colon = authority.find(':', close);
  if (colon != std::string_view::npos && !IsPort(authority.substr(colon + 1))) return std::nullopt;
  std::string host = LowerCase(authority.substr(0, colon));
  if (host.ends_with('.')) host.pop_back();
  const auto odd = [](char c) { return c == ' ' || c == '@' || c == '/' || c == '\\'; };
  if (host.empty() || std::ranges::any_of(host, odd)) return std::nullopt;
  return host;
}

// A proxy's form of the target names the host, and then that counts (RFC 9112, 3.2.2).
std::optional<Refusal> ReadTarget(std::string_view target, Request* request) {
  constexpr std::string_view kScheme = "http://";
  if (EqualsIgnoringCase(target.substr(0, kScheme.size()), kScheme)) {
    target.remove_prefix(kScheme.size());
    const size_t end = std::min(target.find_first_of("/?#"), target.size());
    const auto host = HostOf(target.substr(0, end));
    if (!host) return Refusal{400, "a target without a host"};
    request->host = *host;
    target.remove_prefix(end);
  }
  request->path = target.substr(0, target.find_first_of("?#"));
  if (request->path.empty() && !request->host.empty()) request->path = "/";
  if (request->path.starts_with('/') || request->path == "*") return std::nullopt;
  return Refusal{400, "a target that is no path"};
}

std::optional<Refusal> ReadRequestLine(std::string_view line, Request* request, bool* wants_host) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !IsToken(line.substr(0, first)) ||
      std::ranges::any_of(line, IsControl)) {
    return Refusal{400, "the first line is not: method, target, HTTP/1.1"};
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (target.find(' ') != std::string_view::npos) return Refusal{400, "a blank in the target"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refusal{505, "HTTP/1.1 is spoken"};
  *wants_host = version == "HTTP/1.1";
  request->method = line.substr(0, first);
  return ReadTarget(target, request);
}

std::optional<Refusal> ReadHeader(std::string_view line, std::optional<std::string>* host,
                                  Request* request) {
  const size_t colon = line.find(':');
  const auto bad = [](char c) { return IsControl(c) && c != '\t'; };
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon)) ||
      std::ranges::any_of(line, bad)) {
    return Refusal{400, "a header that is not name: value"};
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "authorization")) request->authorization = value;
  if (!EqualsIgnoringCase(name, "host")) return std::nullopt;
  if (*host) return Refusal{400, "two Host headers"};
  *host = HostOf(value);
  if (!*host) return Refusal{400, "a Host header that is not name:port"};
  return std::nullopt;
}

}  // namespace

std::optional<size_t> HeadBytes(std::string_view received, size_t from) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const size_t at = received.find(kEnd, from - std::min(from, kEnd.size() - 1));
  if (at == std::string_view::npos) return std::nullopt;
  return at + kEnd.size();
}

std::variant<Request, Refusal> ParseRequest(std::string_view head) {
  Request request;
  bool wants_host = false;
  if (auto bad = ReadRequestLine(NextLine(&head), &request, &wants_host)) return *bad;
  std::optional<std::string> host;
  for (size_t headers = 0; !head.empty(); ++headers) {
    const std::string_view line = NextLine(&head);
    if (line.empty()) break;
    if (headers == kHeadersMax) return Refusal{431, "more headers than a request needs"};
    if (auto bad = ReadHeader(line, &host, &request)) return *bad;
  }
  if (wants_host && !host) return Refusal{400, "no Host header"};
  if (request.host.empty()) request.host = host.value_or("");
  return request;
}

bool IsTrustedHost(std::string_view host, std::span<const std::string> ours) {
  const auto is_host = [&](const std::string& one) { return EqualsIgnoringCase(one, host); };
  if (std::ranges::any_of(ours, is_host)) return true;
  if (host.starts_with('[')) return true;  // an address: nobody points it elsewhere
  const std::string text(host);
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) == 1) return true;
  if (host.find('.') == std::string_view::npos) return true;
  // RFC 6761, RFC 6762; what ICANN keeps for private use; services of Kubernetes.
  constexpr std::array<std::string_view, 4> kNowhere = {".localhost", ".local", ".internal",
                                                        ".svc"};
  return std::ranges::any_of(kNowhere, [&](std::string_view end) { return host.ends_with(end); });
}

bool CarriesToken(const Request& request, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view given = request.authorization;
  if (!EqualsIgnoringCase(given.substr(0, kScheme.size()), kScheme)) return false;
  given = Trimmed(given.substr(kScheme.size()));
  unsigned differs = given.size() == token.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char other = token.empty() ? '\0' : token[i % token.size()];
    differs |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return differs == 0;
}

}  // namespace cdc::status

#include "status/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <exception>
#include <utility>
#include <variant>

#include "status/http_request.h"

namespace cdc::status {

namespace {

constexpr char kHealth[] = "/healthz";

std::string_view Reason(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

// A page with what else is to be said beside it.
struct Reply {
  Page page;
  std::string_view more_headers = "";
};

std::string Format(const Reply& reply, bool with_body) {
  const Page& page = reply.page;
  std::string answer = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
      "Referrer-Policy: no-referrer\r\nContent-Security-Policy: {}\r\n{}\r\n",
      page.code, Reason(page.code), page.type, page.body.size(),
      page.policy.empty() ? "default-src 'none'" : page.policy, reply.more_headers);
  if (with_body) answer += page.body;
  return answer;
}

Reply Refuse(int code, std::string_view why, std::string_view more_headers = "") {
  return {{.code = code, .body = fmt::format("{}\n", why)}, more_headers};
}

// Nothing that goes wrong with a page may end the program, whose work is another.
Page PageAt(const Pages& pages, const std::string& path) {
  try {
    return pages(path);
  } catch (const std::exception& error) {
    return {.code = 500, .body = fmt::format("cannot be shown: {}\n", error.what())};
  }
}

// Whether it works may be asked by everybody; what is wrong with which table may not.
Page HealthAlone(const Page& page) {
  return {.code = page.code,
          .type = "application/json",
          .body = fmt::format("{{\"status\":\"{}\"}}\n", page.code == 200 ? "ok" : "failing")};
}

Reply ReplyTo(const Request& request, const Pages& pages, const Visitors& visitors) {
  const bool knows_token = !visitors.token.empty() && CarriesToken(request, visitors.token);
  // Whoever knows the token is no page of somebody else.
  if (!knows_token && !request.host.empty() && !IsTrustedHost(request.host, visitors.names)) {
    return Refuse(421, "this server does not go by that name; [run] listen_names says by which");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return Refuse(405, "only GET and HEAD", "Allow: GET, HEAD\r\n");
  }
  const bool may_see = visitors.token.empty() || knows_token;
  if (!may_see && request.path != kHealth) {
    return Refuse(401, "this needs Authorization: Bearer, with the token of [run] listen_token",
                  "WWW-Authenticate: Bearer\r\n");
  }
  const Page page = PageAt(pages, request.path);
  return {may_see ? page : HealthAlone(page)};
}

std::string OwnName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

std::string AnswerTo(std::string_view head, const Pages& pages, const Visitors& visitors) {
  if (head.empty()) return Format(Refuse(431, "a request of this length is none of ours"), true);
  const auto parsed = ParseRequest(head);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    return Format(Refuse(refusal->code, refusal->why), true);
  }
  const Request& request = std::get<Request>(parsed);
  return Format(ReplyTo(request, pages, visitors), /*with_body=*/request.method != "HEAD");
}

arrow::Result<std::unique_ptr<Server>> Server::Start(const std::string& listen, Pages pages,
                                                     Visitors visitors) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  }
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  visitors.names.push_back(host);
  visitors.names.push_back(OwnName());
  const ListenLimits limits = visitors.limits;
  auto listener =
      Listener::Start(host, port, limits,
                      [pages = std::move(pages), visitors = std::move(visitors)](
                          std::string_view head) { return AnswerTo(head, pages, visitors); });
  if (!listener.ok()) {
    return arrow::Status::Invalid(
        "cannot listen on ", listen, ": ", listener.status().message(),
        ". Give [run] listen (CDC_RUN_LISTEN) an address of this machine and a port that nobody "
        "else uses, or port 0 for any; leave it out to serve nothing");
  }
  return std::unique_ptr<Server>(new Server(std::move(*listener)));
}

}  // namespace cdc::status

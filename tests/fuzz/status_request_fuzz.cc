// A request of any bytes to the status server: one answer, whole and well-formed, and nothing of a
// page for whom neither the name nor the token speaks.

#include "status/http_request.h"
#include "status/server.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::string_view kShown = "what the page shows";
constexpr std::string_view kHealthAlone = "{\"status\":\"ok\"}\n";

cdc::status::Page Page(const std::string&) { return {.body = std::string(kShown)}; }

void RequireWellFormed(std::string_view answer) {
  using cdc::fuzz::Require;
  Require(answer.starts_with("HTTP/1.1 "), "an answer is HTTP");
  const auto head = cdc::status::HeadBytes(answer);
  Require(head.has_value(), "its head has an end");
  const size_t length = answer.find("\r\nContent-Length: ");
  Require(length < *head, "it says its length");
  const auto body = static_cast<size_t>(std::atoll(answer.data() + length + 18));
  Require(answer.size() == *head || answer.size() == *head + body, "the length is right");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  using cdc::status::AnswerTo;
  static const cdc::status::Visitors kOpen{.token = "", .names = {"metrics.example.org"}};
  static const cdc::status::Visitors kClosed{.token = "a token of the test", .names = {}};
  const std::string_view received(reinterpret_cast<const char*>(data), size);
  const auto head = cdc::status::HeadBytes(received);
  for (size_t from = 0; from < size; from += 1 + size / 8) {
    const auto later = cdc::status::HeadBytes(received, from);
    Require(!later || (head && *later >= *head), "an end is not found before there is one");
  }
  const std::string_view request = head ? received.substr(0, *head) : std::string_view();
  const std::string open = AnswerTo(request, Page, kOpen);
  const std::string closed = AnswerTo(request, Page, kClosed);
  RequireWellFormed(open);
  RequireWellFormed(closed);
  if (open.ends_with(kShown)) {
    const auto parsed = std::get<cdc::status::Request>(cdc::status::ParseRequest(request));
    Require(parsed.method == "GET", "pages are got");
    Require(parsed.host.empty() || cdc::status::IsTrustedHost(parsed.host, kOpen.names),
            "the name is ours");
  }
  if (closed.ends_with(kShown)) {
    Require(request.find(kClosed.token) != std::string_view::npos, "the token was given");
  } else {
    Require(!closed.starts_with("HTTP/1.1 200") || closed.ends_with(kHealthAlone) ||
                request.starts_with("HEAD"),
            "nothing but health without the token");
  }
  return 0;
}

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

// What of HTTP/1.x a server needs that gives pages: the head of a request, as pure functions over
// bytes that anybody may have sent.
namespace cdc::status {

struct Request {
  std::string method;
  std::string path;           // of the target, without its query
  std::string host;           // lower case, without a port; "[::1]" keeps its brackets
  std::string authorization;  // "" if there is none
};

struct Refusal {
  int code = 400;
  std::string why;
};

// Bytes of the head, the blank line behind it included; nothing while it is not whole. What lies
// before `from` was looked at already.
std::optional<size_t> HeadBytes(std::string_view received, size_t from = 0);

// A head that HeadBytes found. What two readers could take for different things is refused.
std::variant<Request, Refusal> ParseRequest(std::string_view head);

// Whether a page of somebody else cannot have this name: a browser that is led to a server by a
// name which its owner points elsewhere (DNS rebinding) says that name. Addresses, names without a
// dot, names that no public registry gives out, and those of `ours` are good.
bool IsTrustedHost(std::string_view host, std::span<const std::string> ours);

// "Authorization: Bearer <token>", compared in a time that tells nothing of where they differ.
bool CarriesToken(const Request& request, std::string_view token);

}  // namespace cdc::status

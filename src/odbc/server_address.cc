#include "odbc/server_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/hidden.h"

namespace cdc::odbc {
namespace {

arrow::Status Malformed(std::string_view text, std::string_view why) {
  return arrow::Status::Invalid("server address '", HideBehindName(text), "': ", why,
                                "; write host, host:port, host,port or host\\instance");
}

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Where the host ends and a port begins: at a comma, or at a colon that is not part of an IPv6
// address.
size_t PortSeparator(std::string_view text) {
  if (const size_t comma = text.find(','); comma != text.npos) return comma;
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    return bracket == text.npos ? text.npos : text.find(':', bracket);
  }
  return std::count(text.begin(), text.end(), ':') == 1 ? text.find(':') : text.npos;
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == static_cast<int>(b);
  });
}

arrow::Result<int> ParsePort(std::string_view whole, std::string_view digits) {
  int port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535) {
    return Malformed(whole, "the port is no number from 1 to 65535");
  }
  return port;
}

}  // namespace

arrow::Result<ServerAddress> ServerAddress::Parse(std::string_view text) {
  std::string_view rest = Trim(text);
  if (rest.starts_with("tcp:") || rest.starts_with("TCP:")) rest.remove_prefix(4);
  if (rest.starts_with("np:") || rest.starts_with("lpc:") || rest.starts_with("admin:")) {
    return Malformed(text, "only TCP is supported");
  }
  ServerAddress address;
  bool port_given = false;
  if (const size_t at = PortSeparator(rest); at != rest.npos) {
    ARROW_ASSIGN_OR_RAISE(address.port, ParsePort(text, Trim(rest.substr(at + 1))));
    port_given = true;
    rest = Trim(rest.substr(0, at));
  }
  if (const size_t at = rest.find('\\'); at != rest.npos) {
    if (!port_given) address.instance = rest.substr(at + 1);
    if (at + 1 == rest.size()) return Malformed(text, "the instance name is empty");
    rest = rest.substr(0, at);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  // These would end or begin a word of the connection string.
  if (rest.empty()) return Malformed(text, "the host is empty");
  if ((std::string(rest) + address.instance).find_first_of("{}[];=,\"' \t\r\n") !=
      std::string::npos) {
    return Malformed(text, "a host name has no such character");
  }
  address.host = rest == "." || EqualsIgnoringCase(rest, "(local)") ? "localhost" : rest;
  return address;
}

bool ServerAddress::IsLocalhost() const { return EqualsIgnoringCase(host, "localhost"); }

std::string ServerAddress::DriverText() const {
  return instance.empty() ? fmt::format("{},{}", host, port)
                          : fmt::format("{}\\{}", host, instance);
}

}  // namespace cdc::odbc

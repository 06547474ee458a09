#include "base/hidden.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cdc {

namespace {

constexpr std::string_view kHidden = "***";

// Lower case. Everything else may be a key, a token, or a password of something.
constexpr std::array<std::string_view, 13> kHarmless = {"app",
                                                        "wsid",
                                                        "packetsize",
                                                        "serverspn",
                                                        "failoverpartner",
                                                        "realm",
                                                        "usentlmv2",
                                                        "trusted_connection",
                                                        "authentication",
                                                        "hostnameincertificate",
                                                        "columnencryption",
                                                        "ipaddresspreference",
                                                        "keepalive"};

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool IsHarmless(std::string_view name, std::string_view value) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  // A second word behind a forgotten semicolon.
  const bool one_word = value.find('=') == std::string_view::npos;
  return one_word && std::ranges::find(kHarmless, lower) != kHarmless.end();
}

// Where the value ends that begins at `from`: at the ';' that no braces hold.
size_t EndOfValue(std::string_view words, size_t from) {
  bool braces = false;
  for (size_t i = from; i < words.size(); ++i) {
    if (words[i] == '{') braces = true;
    if (words[i] == '}') braces = false;
    if (words[i] == ';' && !braces) return i;
  }
  return words.size();
}

// The part of a URL between "//" and the path, or the whole beginning where there is no "//".
std::string_view Authority(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

}  // namespace

std::string HideOdbcValues(std::string_view words) {
  std::string shown;
  while (!words.empty()) {
    const size_t equals = words.find('=');
    // Not of the form Word=value: who knows what it is.
    if (equals == std::string_view::npos) return shown + std::string(kHidden);
    const size_t end = EndOfValue(words, equals + 1);
    const std::string_view name = Trimmed(words.substr(0, equals));
    const std::string_view value = words.substr(equals + 1, end - equals - 1);
    if (name.find(';') != std::string_view::npos) return shown + std::string(kHidden);
    shown += name;
    shown += '=';
    shown += IsHarmless(name, value) ? value : kHidden;
    words.remove_prefix(std::min(end + 1, words.size()));
    if (!words.empty()) shown += ';';
  }
  return shown;
}

bool HoldsSecret(std::string_view url) {
  return Authority(url).find('@') != std::string_view::npos ||
         url.find('?') != std::string_view::npos;
}

std::string HideInUrl(std::string_view url) {
  const std::string_view authority = Authority(url);
  const auto before = static_cast<size_t>(authority.data() - url.data());
  const size_t at = authority.rfind('@');
  std::string shown(url.substr(0, before));
  std::string_view rest = url.substr(before);
  if (at != std::string_view::npos) {
    shown += kHidden;
    rest.remove_prefix(at);
  }
  const size_t query = rest.find('?');
  shown += rest.substr(0, query);
  if (query != std::string_view::npos) shown += "?" + std::string(kHidden);
  return shown;
}

std::string HideBehindName(std::string_view name) {
  std::string shown;
  if (const size_t at = name.rfind('@'); at != std::string_view::npos) {
    shown = kHidden;
    name.remove_prefix(at);
  }
  const size_t more = name.find_first_of(";=");
  if (more == std::string_view::npos) return shown + std::string(name);
  return shown + std::string(name.substr(0, more + 1)) + std::string(kHidden);
}

}  // namespace cdc

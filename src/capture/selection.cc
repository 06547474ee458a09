#include "capture/selection.h"

#include <algorithm>

namespace cdc::capture {

namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A `?` must not match a part of a character.
size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

// Goes back to the last `*` only: linear in text times pattern, whatever the pattern.
bool Matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += CharacterBytes(text, t);
    } else if (p < pattern.size() && Lower(pattern[p]) == Lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      resume += CharacterBytes(text, resume);
      t = resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool MatchesAny(const std::vector<std::string>& patterns, std::string_view schema,
                std::string_view table) {
  const std::string full = std::string(schema) + "." + std::string(table);
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return Matches(pattern, pattern.find('.') == std::string::npos ? table : full);
  });
}

}  // namespace

TableSelection TableSelection::Make(std::vector<std::string> include,
                                    std::vector<std::string> exclude) {
  TableSelection selection;
  selection.include_ = std::move(include);
  selection.exclude_ = std::move(exclude);
  return selection;
}

bool TableSelection::Selects(std::string_view schema, std::string_view table) const {
  if (MatchesAny(exclude_, schema, table)) return false;
  return include_.empty() || MatchesAny(include_, schema, table);
}

}  // namespace cdc::capture

// python-dotenv's grammar (src/dotenv/parser.py, version 1.2), written as a reader over code
// points: its regular expressions work on Unicode text, where \s is every Unicode blank.
//
//   statement    [blanks and newlines] ["export" blanks] key [blanks] ["=" [blanks] value]
//   [comment] end key          'anything but a quote'  |  neither "=", "#" nor blanks value '…' or
//   "…" over several lines, with escapes  |  the rest of the line up to a blank and "#"
//
// A statement that does not fit is skipped to the end of the line in which it stopped fitting.

#include "config/dotenv.h"

#include <algorithm>

#include "config/unicode.h"

namespace cdc::config {
namespace {

using arrow::Result;

bool IsNewline(char32_t c) { return c == U'\n' || c == U'\r'; }
bool IsBlank(char32_t c) { return IsUnicodeSpace(c) && !IsNewline(c); }

// Text files are read with universal newlines.
std::u32string UniversalNewlines(const std::u32string& text) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != U'\r') {
      out += text[i];
    } else if (i + 1 >= text.size() || text[i + 1] != U'\n') {
      out += U'\n';
    }
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::u32string text) : text_(std::move(text)) {}

  Dotenv ReadAll() {
    Dotenv dotenv;
    while (!AtEnd()) {
      SkipWhile(IsUnicodeSpace);
      const int line = line_;
      if (!AtEnd() && !ReadStatement(&dotenv)) {
        dotenv.unreadable_lines.push_back(line);
        SkipWhile([](char32_t c) { return !IsNewline(c); });
        if (!AtEnd()) Advance();
      }
    }
    return dotenv;
  }

 private:
  bool AtEnd() const { return at_ >= text_.size(); }
  char32_t Peek() const { return AtEnd() ? U'\0' : text_[at_]; }
  bool Sees(char32_t c) const { return !AtEnd() && text_[at_] == c; }

  char32_t Advance() {
    const char32_t c = text_[at_++];
    if (c == U'\n') ++line_;
    return c;
  }

  template <typename Predicate>
  std::u32string SkipWhile(Predicate matches) {
    std::u32string skipped;
    while (!AtEnd() && matches(Peek())) skipped += Advance();
    return skipped;
  }

  // False: the text from here on does not fit.
  bool ReadStatement(Dotenv* dotenv) {
    SkipExport();
    DotenvEntry entry;
    entry.line = line_;
    std::optional<std::u32string> key;
    if (!Sees(U'#') && !(key = ReadKey())) return false;
    SkipWhile(IsBlank);
    if (Sees(U'=')) {
      const auto value = ReadAssignment();
      if (!value) return false;
      entry.value = ToUtf8(*value);
    }
    if (!ReadEndOfStatement()) return false;
    if (!key) return true;
    entry.name = ToUtf8(*key);
    dotenv->entries.push_back(std::move(entry));
    return true;
  }

  void SkipExport() {
    constexpr std::u32string_view kExport = U"export";
    if (text_.compare(at_, kExport.size(), kExport) != 0) return;
    const size_t after = at_ + kExport.size();
    if (after >= text_.size() || !IsBlank(text_[after])) return;
    at_ = after;
    SkipWhile(IsBlank);
  }

  std::optional<std::u32string> ReadKey() {
    std::u32string key;
    if (Sees(U'\'')) {
      const size_t close = text_.find(U'\'', at_ + 1);
      if (close == std::u32string::npos || close == at_ + 1) return std::nullopt;
      Advance();
      while (at_ < close) key += Advance();
      Advance();
      return key;
    }
    key = SkipWhile([](char32_t c) { return c != U'=' && c != U'#' && !IsUnicodeSpace(c); });
    if (key.empty()) return std::nullopt;
    return key;
  }

  std::optional<std::u32string> ReadAssignment() {
    Advance();  // '='
    const bool blank_after = !SkipWhile(IsBlank).empty();
    if (blank_after && Sees(U'#')) return U"";
    if (AtEnd() || IsNewline(Peek())) return U"";
    if (Sees(U'\'')) return ReadQuoted(U"'\\");
    if (Sees(U'"')) return ReadQuoted(U"\\'\"abfnrtv");
    return ReadUnquoted();
  }

  // A backslash always belongs to the character after it; those in `escapes` lose it.
  std::optional<std::u32string> ReadQuoted(std::u32string_view escapes) {
    const char32_t quote = Peek();
    const size_t close = FindClosingQuote(quote);
    if (close == std::u32string::npos) return std::nullopt;
    Advance();
    std::u32string value;
    while (at_ < close) {
      const char32_t c = Advance();
      if (c == U'\\' && escapes.find(Peek()) != std::u32string_view::npos) {
        value += Unescaped(Advance());
      } else if (c == U'\\') {
        value += c;
        value += Advance();
      } else {
        value += c;
      }
    }
    Advance();
    return value;
  }

  size_t FindClosingQuote(char32_t quote) const {
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == quote) return i;
      if (text_[i] == U'\\') ++i;
    }
    return std::u32string::npos;
  }

  static char32_t Unescaped(char32_t c) {
    constexpr std::u32string_view kNames = U"abfnrtv";
    constexpr std::u32string_view kMeanings = U"\a\b\f\n\r\t\v";
    const size_t index = kNames.find(c);
    return index == std::u32string_view::npos ? c : kMeanings[index];
  }

  // Ends before the first '#' that has a blank before it.
  std::u32string ReadUnquoted() {
    std::u32string value = SkipWhile([](char32_t c) { return !IsNewline(c); });
    for (size_t i = 1; i < value.size(); ++i) {
      if (value[i] == U'#' && IsUnicodeSpace(value[i - 1])) {
        value.resize(i);
        break;
      }
    }
    while (!value.empty() && IsUnicodeSpace(value.back())) value.pop_back();
    return value;
  }

  bool ReadEndOfStatement() {
    SkipWhile(IsBlank);
    if (Sees(U'#')) SkipWhile([](char32_t c) { return !IsNewline(c); });
    if (AtEnd()) return true;
    if (!IsNewline(Peek())) return false;
    Advance();
    return true;
  }

  const std::u32string text_;
  size_t at_ = 0;
  int line_ = 1;
};

// One ${NAME} or ${NAME:-default} that begins at `at`; NAME has neither '}' nor ':'.
struct Reference {
  std::string name;
  std::optional<std::string> fallback;
  size_t end = 0;
};

std::optional<Reference> ReferenceAt(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "${") return std::nullopt;
  const size_t name_end = text.find_first_of("}:", at + 2);
  if (name_end == std::string_view::npos) return std::nullopt;
  Reference reference;
  reference.name = text.substr(at + 2, name_end - at - 2);
  reference.end = name_end + 1;
  if (text[name_end] == '}') return reference;
  const size_t close = text.find('}', name_end);
  if (text.substr(name_end, 2) != ":-" || close == std::string_view::npos) return std::nullopt;
  reference.fallback = text.substr(name_end + 2, close - name_end - 2);
  reference.end = close + 1;
  return reference;
}

template <typename Lookup>
std::string Resolve(std::string_view text, Lookup lookup) {
  std::string resolved;
  for (size_t at = 0; at < text.size();) {
    if (const auto reference = ReferenceAt(text, at)) {
      resolved += lookup(*reference);
      at = reference->end;
    } else {
      resolved += text[at++];
    }
  }
  return resolved;
}

}  // namespace

Result<Dotenv> ParseDotenv(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  ARROW_ASSIGN_OR_RAISE(const std::u32string code_points, FromUtf8(text));
  return Reader(UniversalNewlines(code_points)).ReadAll();
}

std::map<std::string, DotenvValue> Interpolate(
    const Dotenv& dotenv, const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::optional<DotenvValue>> seen;
  for (const DotenvEntry& entry : dotenv.entries) {
    if (!entry.value) {
      seen[entry.name] = std::nullopt;
      continue;
    }
    const std::string resolved = Resolve(*entry.value, [&](const Reference& reference) {
      const auto outside = environment.find(reference.name);
      if (outside != environment.end()) return outside->second;
      const auto above = seen.find(reference.name);
      // A name without a value counts as empty, not as unset.
      if (above != seen.end()) return above->second ? above->second->text : std::string();
      return reference.fallback.value_or("");
    });
    seen[entry.name] = DotenvValue{resolved, entry.line};
  }
  std::map<std::string, DotenvValue> values;
  for (auto& [name, value] : seen) {
    if (value) values[name] = std::move(*value);
  }
  return values;
}

}  // namespace cdc::config

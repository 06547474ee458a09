#include "status/exposition.h"

#include <fmt/format.h>

#include <iterator>

#include "status/words.h"

namespace cdc::status {

namespace {

constexpr std::string_view kPrefix = "cdc_to_s3_";

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : WellFormed(text)) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

void Exposition::Family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = fmt::format("{}{}", kPrefix, name);
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family_, help, family_, type);
}

void Exposition::Sample(std::string_view suffix, double value, Labels labels) {
  text_ += family_;
  text_ += suffix;
  char before = '{';
  for (const auto& [name, label] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, Escaped(label));
    before = ',';
  }
  if (labels.size() > 0) text_ += '}';
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

}  // namespace cdc::status

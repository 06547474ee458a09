#include "config/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

#include "base/text.h"

namespace cdc::config {
namespace {

TomlSetting SettingOf(std::vector<std::string> path, const toml::node& node) {
  TomlSetting setting;
  setting.path = std::move(path);
  setting.line = static_cast<int>(node.source().begin.line);
  setting.column = static_cast<int>(node.source().begin.column);
  if (const auto* text = node.as_string()) {
    setting.text = text->get();
    setting.type = TomlSetting::Type::kString;
  } else if (const auto* number = node.as_integer()) {
    setting.text = std::to_string(number->get());
    setting.type = TomlSetting::Type::kInteger;
  } else if (const auto* boolean = node.as_boolean()) {
    setting.text = boolean->get() ? "true" : "false";
    setting.type = TomlSetting::Type::kBoolean;
  } else if (const auto* list = node.as_array()) {
    setting.type = TomlSetting::Type::kList;
    for (const toml::node& element : *list) {
      const auto* part = element.as_string();
      if (part == nullptr) {
        setting.type = TomlSetting::Type::kOther;
        break;
      }
      setting.text += "\n" + part->get();
      setting.list.push_back(part->get());
    }
  }
  return setting;
}

void Collect(const toml::table& table, const std::vector<std::string>& section,
             std::vector<TomlSetting>* settings) {
  for (const auto& [key, node] : table) {
    std::vector<std::string> path = section;
    path.emplace_back(key.str());
    if (const auto* inner = node.as_table(); inner != nullptr) {
      Collect(*inner, path, settings);
    } else {
      settings->push_back(SettingOf(std::move(path), node));
    }
  }
}

bool IsBare(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

std::string LineOf(const std::string& text, size_t number) {
  std::istringstream lines(text);
  std::string line;
  for (size_t i = 0; i < number; ++i) std::getline(lines, line);
  return line;
}

// What is wrong with a line, where it is a common mistake: the library speaks of its parser.
std::string Explain(const std::string& line, std::string_view description) {
  constexpr size_t kLineBytesMax = 1'000;  // std::regex goes deeper with each character
  if (line.size() > kLineBytesMax) return std::string(description);
  static const std::regex kHeader(R"(^\s*(\[.*\])\s*(#.*)?$)");
  static const std::regex kKey(R"(^\s*([^=]*[^=\s])\s*=.*$)");
  static const std::regex kNoQuotes(R"(^\s*([^=]*[^=\s])\s*=\s*[A-Za-z_/][^"'\[\]{}#]*(#.*)?$)");
  // A section with * or ? outside of quotes.
  static const std::regex kBarePattern(R"(^\s*\[([^"'#*?]|"[^"]*"|'[^']*')*[*?].*$)");
  std::smatch parts;
  if (description.find("cannot redefine existing") != std::string_view::npos) {
    if (std::regex_match(line, parts, kHeader)) {
      return parts.str(1) + " stands there twice: put its settings together";
    }
    if (std::regex_match(line, parts, kKey)) {
      return parts.str(1) + " stands there twice: leave one of them out";
    }
  }
  if (std::regex_match(line, kBarePattern)) {
    return "a pattern stands in quotes, as in [table.\"Person.*\"] or "
           "[table.\"Person.*\".column.\"Email*\"]";
  }
  if (std::regex_match(line, parts, kNoQuotes)) {
    return "a text stands in quotes: " + parts.str(1) + " = \"…\"";
  }
  return std::string(description);
}

}  // namespace

std::string TomlKey(std::string_view name) {
  if (!name.empty() && std::ranges::all_of(name, IsBare)) return std::string(name);
  return TomlString(name);
}

std::string TomlSetting::name() const {
  std::string name;
  for (const std::string& part : path) name += (name.empty() ? "" : ".") + TomlKey(part);
  return name;
}

arrow::Result<std::vector<TomlSetting>> ParseToml(const std::string& text,
                                                  const std::string& shown) {
  try {
    std::vector<TomlSetting> settings;
    Collect(toml::parse(text, shown), {}, &settings);
    return settings;
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    return arrow::Status::Invalid(shown, " line ", line, ": ",
                                  Explain(LineOf(text, line), error.description()));
  }
}

}  // namespace cdc::config

#include "config/toml_file.h"

#include <toml++/toml.h>

#include <fstream>
#include <string_view>

namespace cdc::config {
namespace {

TomlSetting SettingOf(std::string name, const toml::node& node) {
  TomlSetting setting;
  setting.name = std::move(name);
  setting.line = static_cast<int>(node.source().begin.line);
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
    }
  }
  return setting;
}

void Collect(const toml::table& table, const std::string& prefix,
             std::vector<TomlSetting>* settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const auto* section = node.as_table(); section != nullptr && !section->empty()) {
      Collect(*section, name + ".", settings);
    } else if (section == nullptr) {
      settings->push_back(SettingOf(name, node));
    }
  }
}

}  // namespace

arrow::Result<std::vector<TomlSetting>> ReadToml(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return arrow::Status::Invalid(path, ": cannot be read: ", std::strerror(errno));
  try {
    std::vector<TomlSetting> settings;
    Collect(toml::parse(file, path), "", &settings);
    return settings;
  } catch (const toml::parse_error& error) {
    return arrow::Status::Invalid(path, " line ", error.source().begin.line, ": ",
                                  error.description());
  }
}

}  // namespace cdc::config

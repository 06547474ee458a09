// Prints what the product reads from .env files, as JSON, for tests/config/test_dotenv.py to
// compare with python-dotenv: dotenv_dump <file>…; references are resolved by this process's
// environment.

#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "config/dotenv.h"

extern char** environ;

namespace {

using nlohmann::json;

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

json Read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const auto dotenv = cdc::config::ParseDotenv(text.str());
  if (!dotenv.ok()) return {{"error", dotenv.status().message()}};
  auto values = json::object();
  for (const auto& [name, value] : cdc::config::Interpolate(*dotenv, Environment())) {
    values[name] = value.text;
  }
  return {{"values", values}, {"unreadable", dotenv->unreadable_lines.size()}};
}

}  // namespace

int main(int argc, char** argv) {
  auto all = json::array();
  for (int i = 1; i < argc; ++i) all.push_back(Read(argv[i]));
  std::cout << all.dump();
  return 0;
}

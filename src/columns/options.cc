#include "columns/options.h"

#include <arrow/util/logging.h>

#include <algorithm>

namespace cdc::columns {
namespace {

using arrow::Status;

const OptionKey& KeyOf(std::string_view name) {
  const OptionKey* key = FindOption(name);
  ARROW_CHECK(key != nullptr) << name << " is no option";
  return *key;
}

bool Has(const OptionKey& key, std::string_view word) {
  return std::ranges::find(key.words, word) != key.words.end();
}

}  // namespace

const OptionKey* FindOption(std::string_view name) {
  const auto found = std::ranges::find(OptionKeys(), name, &OptionKey::name);
  return found == OptionKeys().end() ? nullptr : &*found;
}

Status CheckOption(const OptionKey& key, std::string_view word) {
  if (key.words.empty()) {
    const bool good = !word.empty() && word.size() <= 32 &&
                      std::ranges::all_of(word, [](char c) { return c > ' ' && c < 0x7F; });
    return good ? Status::OK()
                : Status::Invalid("\"", word, "\" is not 1 to 32 visible ASCII characters");
  }
  if (Has(key, word)) return Status::OK();
  std::string words;
  for (const std::string_view one : key.words) words.append(words.empty() ? "" : ", ").append(one);
  return Status::Invalid("\"", word, "\" is none of ", words);
}

void Options::Set(std::string_view name, std::string_view word) {
  const OptionKey& key = KeyOf(name);
  if (word == key.default_word) {
    set_.erase(std::string(name));
  } else {
    set_[std::string(name)] = word;
  }
}

std::string_view Options::Word(std::string_view name) const {
  const auto found = set_.find(name);
  return found == set_.end() ? KeyOf(name).default_word : found->second;
}

bool Options::Is(std::string_view name, std::string_view word) const {
  ARROW_CHECK(Has(KeyOf(name), word)) << word << " is no word of option " << name;
  return Word(name) == word;
}

std::map<std::string, std::string> Options::Words() const {
  std::map<std::string, std::string> words;
  for (const OptionKey& key : OptionKeys()) words.emplace(key.name, Word(key.name));
  return words;
}

}  // namespace cdc::columns

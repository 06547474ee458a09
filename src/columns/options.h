#pragma once

#include <arrow/status.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cdc::columns {

// What an option is set on: a captured column (and through its table or everywhere, all columns),
// or a table (and everywhere, all tables).
enum class OptionScope { kColumn, kTable };

// One option of how values become Parquet, as people write it. The default is what every common
// reader opens without losing anything but a 7th fractional digit, which is counted.
struct OptionKey {
  std::string_view name;  // "datetime2"
  OptionScope scope = OptionScope::kColumn;
  std::span<const std::string_view> words;  // the default first; empty: a free text
  std::string_view default_word;
  std::string_view help;
};
// All of them; they stand beside the types that they are for, in type_table.cc.
std::span<const OptionKey> OptionKeys();
const OptionKey* FindOption(std::string_view name);  // nullptr for an unknown one
// Invalid says what would be right.
arrow::Status CheckOption(const OptionKey& key, std::string_view word);

// The word that holds for each option, of one captured column or of a table's own columns.
class Options {
 public:
  // `name` is an option, and `word` one that CheckOption takes.
  void Set(std::string_view name, std::string_view word);
  std::string_view Word(std::string_view name) const;
  // A name or word that is in no list is a mistake in the program, and aborts.
  bool Is(std::string_view name, std::string_view word) const;
  // Every option by name, defaults too; not the key.
  std::map<std::string, std::string> Words() const;

  std::shared_ptr<const std::string> mask_key;  // where mask = "hash"

 private:
  std::map<std::string, std::string, std::less<>> set_;  // what is not the default
};

}  // namespace cdc::columns

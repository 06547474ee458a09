#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "odbc/driver_profile.h"

namespace cdc::odbc {

// One word of a connection string that the operator added (odbc_options), as it was written.
struct ExtraWord {
  std::string name;
  std::string value;  // without its braces
};

// "Word=value;Word={a;b}". Invalid: not of that form; a word that has a setting of its own (which
// one); a word that would break a promise of the program; a word that FreeTDS would pass over.
arrow::Result<std::vector<ExtraWord>> ParseExtraWords(const DriverProfile& profile,
                                                      std::string_view text);

// Invalid: a variable of the environment makes the driver write what it sends to a file.
arrow::Status RefuseDump(const DriverProfile& profile);

// The value of a word, whatever its case; nullptr if it is not among them.
const std::string* FindWord(const std::vector<ExtraWord>& words, std::string_view name);

}  // namespace cdc::odbc

#pragma once

#include <arrow/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "columns/output_rules.h"
#include "config/toml_file.h"

namespace cdc::config {

// What stands under [table."pattern"] and [table."pattern".column."pattern"], one rule a section,
// in the order of the file. `file`: how messages call it. Invalid: says line and key, what is wrong
// and what would be right.
arrow::Result<std::vector<columns::OutputRule>> TableRules(std::vector<TomlSetting> settings,
                                                           const std::string& file);

// The section of a table or a column that somebody meant who wrote `path`, of more than two parts,
// in another place: {"tables", "dbo", "Orders", "mask"} gives [table."dbo.Orders"].
std::string MeantSection(const std::vector<std::string>& path);
// What to do about columns or exclude_columns outside of a table's section; "" for another key.
std::string ColumnsBelongElsewhere(std::string_view key);

// As it stands in the file: table."Person.*".column."Email*"
std::string NameOf(const columns::OutputRule& rule);

}  // namespace cdc::config

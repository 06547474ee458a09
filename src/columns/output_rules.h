#pragma once

#include <arrow/result.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns/column.h"
#include "columns/options.h"

namespace cdc::columns {

// One place of the settings that says how values are written: [types], [table."pattern"] or
// [table."pattern".column."pattern"].
struct OutputRule {
  std::string tables = "*";  // pattern over schema.table, or without a dot over the table's name
  std::string columns;  // pattern over a column's name; empty: all columns, and the table itself
  std::map<std::string, std::string> words;  // option name to word, checked
  // Which captured columns are delivered; patterns. Only where `columns` is empty.
  std::vector<std::string> only;     // empty: says nothing; of several rules the last one decides
  std::vector<std::string> exclude;  // wins, and no other rule takes it back
  std::string origin;                // "cdc-to-s3.toml line 12"
};

// All of them, in the order of the file. For one column, rules that name columns win over rules
// that do not, and among each the later ones over the earlier ones.
struct OutputRules {
  std::vector<OutputRule> rules;
  std::shared_ptr<const std::string> mask_key;  // where some rule says mask = hash
};

// What a table's objects are like: the columns that are delivered, with their options, in captured
// order (their ordinals stay those of the change table: __$update_mask speaks of these).
struct TableOutput {
  std::vector<SourceColumn> columns;
  std::vector<SourceColumn> left_out;  // the others
  Options metadata;                    // of CDC's own columns
  // For the footer: what each option is for the table ("datetime2": "micros"), then what single
  // columns have otherwise ("Email.mask": "hash").
  std::map<std::string, std::string> in_effect;
};

// Whether some rule masks, leaves out or lists columns.
bool KeepsAnythingBack(const OutputRules& rules);

// Invalid when nothing would be left of the table, when two of its columns would get one name, or
// when a masked column has no key.
arrow::Result<TableOutput> OutputOf(const OutputRules& rules, std::string_view schema,
                                    std::string_view table, std::vector<SourceColumn> captured);

}  // namespace cdc::columns

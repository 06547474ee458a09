#pragma once

#include <arrow/type.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "columns/options.h"

// What SQL types become under given settings, and what each option would change: the list that
// `types` prints and docs/TYPES.md is made of.
namespace cdc::app {

struct MappedForm {
  std::map<std::string, std::string> words;  // options beside those in effect; none: in effect
  arrow::FieldVector fields;                 // named after the column "column"
  std::string note;
};

struct MappedType {
  std::string name;       // "datetime2", as sys.types has it; "" for CLR types of somebody's own
  std::string sql_type;   // "datetime2(n)", "other CLR types"
  bool symbolic = false;  // precision and scale of the fields are only an example
  std::vector<MappedForm> forms;  // the first is in effect
};

// Captured types that fit one of the patterns ("datetime2", "datetime2(7)", "date*"); none: all.
std::vector<MappedType> MappedTypes(const std::map<std::string, std::string>& settings,
                                    const std::vector<std::string>& patterns);
// CDC's own columns, in their order.
std::vector<MappedType> MappedMetadata(const std::map<std::string, std::string>& settings);
// "DECIMAL(p,s)", "DECIMAL(19,4)", "STRING"
std::string ParquetText(const MappedType& type, const arrow::Field& field);

}  // namespace cdc::app

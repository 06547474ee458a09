#pragma once

#include <arrow/type.h>

#include <map>
#include <string>
#include <vector>

namespace cdc::columns {

// The columns that the objects of a folder have together: what each is called, and its type as
// ParquetTypeText writes it. Readers take names for the same whose letters differ only in case.
using FolderColumns = std::map<std::string, std::string>;

// A column whose values before and after cannot be read in one query.
struct TypeChange {
  std::string column;
  std::string before;  // "INT32"
  std::string now;     // "STRING"
  bool operator==(const TypeChange&) const = default;
};

// What becomes of a folder when an object with these fields is put into it.
struct FolderChange {
  std::vector<TypeChange> conflicts;  // types that readers cannot merge
  FolderColumns columns;              // with the object; a widened column has the wider type
};
FolderChange WithObject(const FolderColumns& folder, const arrow::FieldVector& fields);
// What the fields of an object do not say of its folder: columns that it does not have, and those
// that are of a wider type in other objects.
FolderColumns BeyondObject(const FolderColumns& folder, const arrow::FieldVector& fields);

// What held for "datetime2" of the table, or "Email.mask" of a column, as a record of it says
// (TableOutput::in_effect). An option that it does not name did not exist then: its default is what
// was done.
std::string WordInEffect(const std::map<std::string, std::string>& options,
                         const std::string& name);

// An option whose word is not that of the table's last object: "datetime2" or "Email.mask".
struct OptionChange {
  std::string option;
  std::string before;
  std::string now;
  bool operator==(const OptionChange&) const = default;
};
// Of two records of what held (TableOutput::in_effect). A column's word that only one of them has
// is compared with the other's word for the table: what is written counts, not where it was set.
std::vector<OptionChange> ChangedOptions(const std::map<std::string, std::string>& before,
                                         const std::map<std::string, std::string>& now);

}  // namespace cdc::columns

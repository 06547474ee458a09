#pragma once

#include <arrow/type.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "columns/type_change.h"
#include "state/document.h"

// What objects of a table look like to readers: the types of their columns, and the options that
// made them.
namespace cdc::rules {

struct ObjectForm {
  arrow::FieldVector fields;                   // CDC's own columns too
  std::map<std::string, std::string> options;  // columns::TableOutput::in_effect
};

struct FormChange {
  state::FolderForm form;                      // of the folder with the next object in it
  state::FolderForm alone;                     // of a folder that holds nothing else
  std::vector<columns::TypeChange> types;      // that readers cannot merge
  std::vector<columns::OptionChange> options;  // that are not those of the last object
  std::string not_compared;                    // why nothing was; "" where it was
};

// What two objects have in common that look alike to readers. 16 digits, so that the state document
// stays small.
std::string DigestOf(const ObjectForm& form);

// The next object looks like the last one: nothing changes.
FormChange Unchanged(const state::FolderForm& folder);
// `last`: the folder's last object; nothing: it has none.
FormChange ChangeOf(const state::FolderForm& folder, const std::optional<ObjectForm>& last,
                    const ObjectForm& next);
// There is a last object, but what it looks like cannot be known.
FormChange NotCompared(const state::FolderForm& folder, const ObjectForm& next, std::string why);

// "Price from INT32 to STRING, lsn from …"
std::string TextOf(const std::vector<columns::TypeChange>& changes);
std::string TextOf(const std::vector<columns::OptionChange>& changes);

}  // namespace cdc::rules

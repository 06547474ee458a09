#pragma once

#include <arrow/result.h>

#include <string>

#include "capture/read_task.h"
#include "rules/object_form.h"

// What becomes of a table whose next object looks otherwise to readers than its last one.
namespace cdc::capture {

struct JudgedForm {
  rules::FormChange change;
  // Of the further folder that the object begins; 0: it stays in its table's.
  int folder_number = 0;
};

// Before anything is written. An error of the table where its objects could not be read together
// any more and the settings do not say what is meant.
arrow::Result<JudgedForm> JudgeForm(const Tools& tools, const ReadOrder& order,
                                    const rules::ObjectForm& next);

// What readers of the table should know, once: with the first object that is so.
void TellChange(const std::string& table, const std::string& folder,
                const rules::FormChange& change);

}  // namespace cdc::capture

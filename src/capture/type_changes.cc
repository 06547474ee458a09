#include "capture/type_changes.h"

#include <algorithm>
#include <utility>

#include "base/events.h"
#include "capture/folders.h"
#include "capture/groups.h"
#include "parquet/stored_object.h"
#include "rules/further_folders.h"

namespace cdc::capture {

namespace {

using arrow::Result;
using arrow::Status;

constexpr int kFoldersTried = 100;

// Behind all of the table's folders, the first one in which nothing lies, and that is no other
// table's: one of this document or another, or one that has not come in yet.
Result<int> FreeFolder(const Tools& tools, const rules::TableNames& names) {
  const auto further = rules::FurtherFolders(tools.data, names);
  ARROW_RETURN_NOT_OK(UnlessListingIsOptional(tools.options, further.status()));
  ARROW_ASSIGN_OR_RAISE(const auto others, LookAtOthers(tools.options, tools.state));
  int number = names.FolderNumber(names.folder()) + 1;
  if (further.ok() && !further->empty()) number = std::max(number, further->back() + 1);
  for (const int end = number + kFoldersTried; number < end; ++number) {
    const std::string folder = names.InFolder(number).folder();
    if (tools.folders.contains(folder) || others.folders.contains(folder)) continue;
    if (!further.ok()) return number;
    ARROW_ASSIGN_OR_RAISE(const auto there, tools.data.List(folder, "", 1));
    if (there.empty()) return number;
  }
  return StopsTable("something lies in each of the " + std::to_string(kFoldersTried) +
                    " folders up to " + names.InFolder(number - 1).folder() +
                    " that it could go on in, or another table has it");
}

// An option, or a default that another version of the program has, may be what changed the types.
std::string EarlierWords(const std::vector<columns::OptionChange>& changes) {
  if (changes.empty()) return "";
  std::string words;
  for (const auto& change : changes) {
    words += (words.empty() ? "" : ", ") + change.option + " = \"" + change.before + "\"";
  }
  return "the options that the last object was written with, if they are the cause (" + words +
         "), or ";
}

// 0: the object stays in its table's folder; else the number of the one that it begins.
Result<int> JudgeTypes(const Tools& tools, const ReadOrder& order,
                       const rules::FormChange& change) {
  if (change.types.empty() || tools.options.on_type_change == rules::OnTypeChange::kSameFolder)
    return 0;
  if (tools.options.on_type_change == rules::OnTypeChange::kNewFolder) {
    return FreeFolder(tools, order.names);
  }
  return StopsTable("readers cannot merge what is to be written with the objects in " +
                    order.names.folder() + ": " + rules::TextOf(change.types) +
                    ". Nothing of it was written. What helps: " + EarlierWords(change.options) +
                    "[target] on_type_change = \"new_folder\" (the table goes on in another "
                    "folder beside this one) or \"same_folder\" (readers then have to tell the "
                    "files apart), and a start");
}

// A consumer may have moved the last object away, and a store may forbid reading.
Result<rules::FormChange> HoldAgainstLast(const Tools& tools, const ReadOrder& order,
                                          const rules::ObjectForm& next) {
  const std::string& key = order.record.previous_key;
  const auto last = pq::ReadStored(tools.data, key);
  if (last.ok()) {
    return rules::ChangeOf(order.form,
                           rules::ObjectForm{last->schema->fields(), last->record.options}, next);
  }
  const auto kind = store::KindOf(last.status());
  if (kind == store::ErrorKind::kNotFound) {
    return rules::NotCompared(order.form, next, "the last object, " + key + ", was moved away");
  }
  if (kind == store::ErrorKind::kDenied || last.status().IsInvalid()) {
    return rules::NotCompared(order.form, next, last.status().message());
  }
  return last.status();
}

}  // namespace

Result<JudgedForm> JudgeForm(const Tools& tools, const ReadOrder& order,
                             const rules::ObjectForm& next) {
  JudgedForm judged;
  // The first object of a folder is like no other.
  if (!order.record.previous_key.starts_with(order.names.folder())) {
    judged.change = rules::ChangeOf(order.form, std::nullopt, next);
    return judged;
  }
  if (rules::DigestOf(next) == order.form.last) {
    judged.change = rules::Unchanged(order.form);
    return judged;
  }
  ARROW_ASSIGN_OR_RAISE(judged.change, HoldAgainstLast(tools, order, next));
  ARROW_ASSIGN_OR_RAISE(judged.folder_number, JudgeTypes(tools, order, judged.change));
  return judged;
}

void TellChange(const std::string& table, const std::string& folder,
                const rules::FormChange& change) {
  if (!change.options.empty()) {
    LogEvent(Level::kWarn, "options_changed",
             {{"table", table}, {"options", rules::TextOf(change.options)}, {"folder", folder}});
  }
  if (!change.types.empty()) {
    LogEvent(Level::kWarn, "types_changed",
             {{"table", table}, {"columns", rules::TextOf(change.types)}, {"folder", folder}});
  }
  if (!change.not_compared.empty()) {
    LogEvent(Level::kWarn, "types_not_compared",
             {{"table", table}, {"why", change.not_compared}, {"folder", folder}});
  }
}

}  // namespace cdc::capture

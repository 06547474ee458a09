#include "repair/last_object.h"

#include <utility>

#include "parquet/stored_object.h"
#include "rules/further_folders.h"

namespace cdc::repair {

namespace {

using arrow::Result;
using arrow::Status;

constexpr int64_t kListedAtOnce = 1'000;

Status Foreign(const store::Store& data, const std::string& key, const std::string& why) {
  return Status::Invalid("the folder holds a Parquet file that is not ours, ", data.url(), "/", key,
                         why.empty() ? std::string() : " (" + why + ")", ". Move it elsewhere");
}

struct Range {
  std::string first, last;  // keys; "" when there is none
  std::string folder;       // of the last one
};

Result<Range> ListObjects(store::Store& data, const rules::TableNames& names,
                          const std::string& after) {
  Range range;
  range.folder = names.folder();
  std::string from = after;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto page, data.List(names.folder(), from, kListedAtOnce));
    for (const store::ObjectInfo& object : page) {
      from = object.key;
      if (!object.key.ends_with(".parquet")) continue;
      if (!names.StampOf(object.key)) return Foreign(data, object.key, "");
      if (range.first.empty()) range.first = object.key;
      range.last = object.key;
    }
    if (static_cast<int64_t>(page.size()) < kListedAtOnce) return range;
  }
}

// Of all folders of the table, from this one on.
Result<Range> ListFolders(store::Store& data, const rules::TableNames& names,
                          const std::string& after) {
  ARROW_ASSIGN_OR_RAISE(Range all, ListObjects(data, names, after));
  ARROW_ASSIGN_OR_RAISE(const auto numbers, rules::FurtherFolders(data, names));
  for (const int number : numbers) {
    if (number <= names.FolderNumber(names.folder())) continue;
    ARROW_ASSIGN_OR_RAISE(const Range further, ListObjects(data, names.InFolder(number), ""));
    if (further.last.empty()) continue;
    all = {all.first.empty() ? further.first : all.first, further.last, further.folder};
  }
  return all;
}

}  // namespace

Result<std::optional<LastObject>> FindLastObject(store::Store& data, const rules::TableNames& names,
                                                 const std::string& after) {
  ARROW_ASSIGN_OR_RAISE(const Range range, ListFolders(data, names, after));
  if (range.last.empty()) return std::nullopt;
  LastObject last;
  last.key = range.last;
  last.folder = range.folder;
  auto record = pq::ReadRecord(data, range.last);
  if (record.status().IsInvalid()) return Foreign(data, range.last, record.status().message());
  ARROW_ASSIGN_OR_RAISE(last.record, std::move(record));
  last.first_from = last.record.from;
  ARROW_ASSIGN_OR_RAISE(const pq::ObjectThere found, pq::IdentifyObject(data, range.first));
  const auto& first = found.identity;
  if (first && first->from <= last.first_from) last.first_from = first->from;
  if (first) last.first_source_object_id = first->source_object_id;
  if (first) last.first_to = first->to;
  return last;
}

}  // namespace cdc::repair

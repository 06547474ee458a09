#include "repair/last_object.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include "parquet/object_reader.h"

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
};

Result<Range> ListObjects(store::Store& data, const rules::TableNames& names,
                          const std::string& after) {
  Range range;
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

Result<pq::FooterRecord> ReadRecord(store::Store& data, const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(auto content, data.Get(key));
  auto record = pq::ReadFooter(std::make_shared<arrow::io::BufferReader>(
      arrow::Buffer::FromString(std::move(content.bytes))));
  return record.ok() ? record : Foreign(data, key, record.status().message());
}

}  // namespace

Result<std::optional<LastObject>> FindLastObject(store::Store& data, const rules::TableNames& names,
                                                 const std::string& after) {
  ARROW_ASSIGN_OR_RAISE(const Range range, ListObjects(data, names, after));
  if (range.last.empty()) return std::nullopt;
  LastObject last;
  last.key = range.last;
  ARROW_ASSIGN_OR_RAISE(last.record, ReadRecord(data, range.last));
  last.first_from = last.record.from;
  ARROW_ASSIGN_OR_RAISE(const auto head, data.Head(range.first));
  if (head) {
    const auto first = pq::IdentityFromUserMetadata(head->metadata);
    if (first && first->from <= last.first_from) last.first_from = first->from;
  }
  return last;
}

}  // namespace cdc::repair

#include "rules/found_folders.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "parquet/stored_object.h"

namespace cdc::rules {

namespace {

using arrow::Result;

constexpr int64_t kFoldersMax = 20'000;
// Of one folder: keys to look at, and footers to read, until one is ours.
constexpr int64_t kKeysListed = 1'000;
constexpr int kFootersRead = 10;
constexpr char kOwnFolder[] = "_cdc_to_s3/";

struct Shape {
  std::string prefix;   // of all folders
  int64_t slashes = 0;  // in each
};

Shape ShapeOf(const std::string& path, const std::string& database) {
  constexpr std::string_view kDatabase = "{database}";
  std::string folder = path;
  for (size_t at = folder.find(kDatabase); at != std::string::npos; at = folder.find(kDatabase)) {
    folder.replace(at, kDatabase.size(), PathSegment(database));
  }
  while (folder.ends_with('/')) folder.pop_back();
  folder += '/';
  folder = folder.substr(0, folder.find("{date}"));
  folder.resize(folder.rfind('/') + 1);
  const size_t first = std::min(folder.find("{schema}"), folder.find("{table}"));
  return {folder.substr(0, first), std::ranges::count(folder, '/')};
}

// "" for a key that lies in none.
std::string FolderOf(const std::string& key, int64_t slashes) {
  size_t end = 0;
  for (; slashes > 0 && end != std::string::npos; --slashes) {
    end = key.find('/', end);
    if (end != std::string::npos) ++end;
  }
  return end == std::string::npos ? "" : key.substr(0, end);
}

bool MayBeOurs(const std::string& key) {
  return key.ends_with(".parquet") && key.find("_cdc_", key.rfind('/') + 1) != std::string::npos;
}

Result<std::optional<FoundFolder>> LookInto(store::Store& data, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto objects, data.List(folder, "", kKeysListed));
  int read = 0;
  for (const store::ObjectInfo& object : objects) {
    if (!MayBeOurs(object.key)) continue;
    if (++read > kFootersRead) break;
    auto record = pq::ReadRecord(data, object.key);
    if (record.ok()) return FoundFolder{folder, object.key, std::move(*record)};
    const bool is_gone = store::KindOf(record.status()) == store::ErrorKind::kNotFound;
    if (!is_gone && !record.status().IsInvalid()) return record.status();
  }
  return std::nullopt;
}

}  // namespace

std::string CommonFolder(const std::string& path, const std::string& database) {
  const std::string prefix = ShapeOf(path, database).prefix;
  const size_t slash = prefix.rfind('/');
  return slash == std::string::npos ? "" : prefix.substr(0, slash);
}

Result<bool> WalkFolders(store::Store& data, const std::string& path, const std::string& database,
                         const std::function<bool(const std::string& folder)>& is_known,
                         const std::function<Result<bool>(const FoundFolder&)>& see) {
  const Shape shape = ShapeOf(path, database);
  std::string after;
  for (int64_t seen = 0; seen < kFoldersMax; ++seen) {
    ARROW_ASSIGN_OR_RAISE(const auto next, data.List(shape.prefix, after, 1));
    if (next.empty()) return true;
    const std::string folder = FolderOf(next[0].key, shape.slashes);
    // Behind everything of that folder: '0' comes right after '/'.
    after = folder.empty() ? next[0].key : folder.substr(0, folder.size() - 1) + "0";
    if (folder.empty() || folder.starts_with(kOwnFolder) || is_known(folder)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto found, LookInto(data, folder));
    if (!found) continue;
    ARROW_ASSIGN_OR_RAISE(const bool goes_on, see(*found));
    if (!goes_on) return true;
  }
  return false;
}

bool Concerns(const pq::FooterRecord& record, const TableSelection& selection,
              const std::vector<source::CaptureInstance>& instances) {
  if (selection.Selects(record.schema, record.table)) return true;
  return record.source_object_id != 0 &&
         std::ranges::any_of(instances, [&](const source::CaptureInstance& instance) {
           return instance.source_object_id == record.source_object_id &&
                  selection.Selects(instance.schema, instance.table);
         });
}

}  // namespace cdc::rules

#include "state/folders.h"

#include "base/text.h"

namespace cdc::state {

namespace {

using arrow::Result;
using arrow::Status;
using Folders = std::map<std::string, std::string>;

constexpr int64_t kListedAtOnce = 1'000;
constexpr int64_t kDocumentsMax = 100'000;  // of one store

void Add(const Document& document, const std::string& key, Folders* folders) {
  for (const auto& [table, entry] : document.tables) {
    for (const std::string& folder : entry.Folders()) (*folders)[folder] = key;
  }
}

// A document that is taken away between list and read is none.
Status AddByKey(store::Store& store, const std::string& key, Folders* folders) {
  const auto content = store.Get(key);
  if (store::KindOf(content.status()) == store::ErrorKind::kNotFound) return Status::OK();
  ARROW_RETURN_NOT_OK(content.status());
  const auto document = Document::FromJson(content->bytes);
  if (!document.ok()) {
    return Status::Invalid("the state document ", store.url(), "/", key,
                           " cannot be read: ", document.status().message());
  }
  Add(*document, key, folders);
  return Status::OK();
}

}  // namespace

Result<OtherTables> TablesOfOthers(store::Store& store, const DocumentName& own) {
  OtherTables others;
  ARROW_ASSIGN_OR_RAISE(const auto names, ListDocuments(store, own.database));
  for (const DocumentName& name : names) {
    if (name.Key() == own.Key()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto stored, ReadDocument(store, name));
    if (!stored) continue;
    for (const auto& [table, entry] : stored->document.tables) {
      const Holder holder{name.Key(), table};
      for (const std::string& folder : entry.Folders()) others.folders[folder] = holder;
      others.source_object_ids[entry.source_object_id] = holder;
      others.earlier_tables.insert(others.earlier_tables.end(), entry.earlier_tables.begin(),
                                   entry.earlier_tables.end());
    }
  }
  return others;
}

Result<Folders> FoldersOfOthers(store::Store& store, const DocumentName& own) {
  Folders folders;
  ARROW_ASSIGN_OR_RAISE(const OtherTables others, TablesOfOthers(store, own));
  for (const auto& [folder, holder] : others.folders) folders[folder] = holder.document;
  return folders;
}

Result<Folders> FoldersOfOtherDatabases(store::Store& store, const std::string& database) {
  Folders folders;
  std::string after;
  for (int64_t seen = 0; seen < kDocumentsMax;) {
    ARROW_ASSIGN_OR_RAISE(const auto page, store.List("_cdc_to_s3/", after, kListedAtOnce));
    for (const store::ObjectInfo& object : page) {
      after = object.key;
      if (!object.key.ends_with(".json") || IsOfDatabase(object.key, database)) continue;
      ARROW_RETURN_NOT_OK(AddByKey(store, object.key, &folders));
    }
    if (static_cast<int64_t>(page.size()) < kListedAtOnce) return folders;
    seen += kListedAtOnce;
  }
  return Status::Invalid("the store ", store.url(), " holds more than ", kDocumentsMax,
                         " objects below _cdc_to_s3/");
}

bool IsOfDatabase(std::string_view key, const std::string& database) {
  const std::string segment = PathSegment(database);
  return key == "_cdc_to_s3/" + segment + ".json" ||
         key.starts_with("_cdc_to_s3/groups/" + segment + "/");
}

}  // namespace cdc::state

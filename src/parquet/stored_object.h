#pragma once

#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>
#include <optional>
#include <string>

#include "parquet/footer_record.h"
#include "store/store.h"

namespace cdc::pq {

// What lies under a key.
struct ObjectThere {
  bool there = false;
  // Nothing, though something is there: it is not one of ours.
  std::optional<ObjectLabel> identity;
};

// Whose object is this? User metadata says it in one request; where an object has none of ours,
// because the store drops it or because it was copied by a tool that does, its own footer says it.
// An error means that the store did not answer.
arrow::Result<ObjectThere> IdentifyObject(store::Store& data, const std::string& key);

// The whole record from an object's footer: one or two short reads, however long the object is.
// Invalid: not a Parquet file, or not one of ours. store::ErrorKind::kNotFound when there is none.
arrow::Result<FooterRecord> ReadRecord(store::Store& data, const std::string& key);

struct StoredObject {
  FooterRecord record;
  std::shared_ptr<arrow::Schema> schema;  // as ReadSchema gives it
};
// The same with the object's columns.
arrow::Result<StoredObject> ReadStored(store::Store& data, const std::string& key);

}  // namespace cdc::pq

#pragma once

#include <arrow/builder.h>

#include <cstdint>
#include <memory>
#include <string>

#include "columns/bytes_codecs.h"
#include "columns/hierarchy_path.h"
#include "columns/wkb.h"

namespace cdc::columns {

// hierarchyid as a path: "/1/3.1/".
class HierarchyPathCodec : public BytesBuilderCodec {
 public:
  arrow::Status Reserve(int64_t values, int64_t bytes) {
    return builder_.Reserve(values, 4 * bytes + values);
  }
  const char* Append(const uint8_t* cell, int64_t length) {
    path_.clear();
    if (const char* wrong = AppendHierarchyPath(cell, length, &path_); wrong != nullptr) {
      return wrong;
    }
    builder_.Append(reinterpret_cast<const uint8_t*>(path_.data()),
                    static_cast<int64_t>(path_.size()));
    return nullptr;
  }

 private:
  std::string path_;
};

// geometry and geography as WKB, and the spatial reference id beside it.
class WkbCodec {
 public:
  static constexpr int64_t kBytes = 0;
  explicit WkbCodec(bool geography)
      : srids_(std::make_shared<arrow::Int32Builder>()), geography_(geography) {}
  // Bytes are reserved value by value: only empty shapes become five times as long as they were.
  arrow::Status Reserve(int64_t values, int64_t) {
    ARROW_RETURN_NOT_OK(wkb_.Reserve(values, 0));
    return srids_->Reserve(values);
  }
  void AppendNull() {
    wkb_.AppendNull();
    srids_->UnsafeAppendNull();
  }
  const char* Append(const uint8_t* cell, int64_t length) {
    value_.clear();
    int32_t srid = 0;
    if (const char* wrong = AppendWkb(cell, length, geography_, &value_, &srid); wrong != nullptr) {
      return wrong;
    }
    const auto size = static_cast<int64_t>(value_.size());
    if (!wkb_.Reserve(0, size).ok()) return "shapes of more than 2 GiB in one batch";
    wkb_.Append(reinterpret_cast<const uint8_t*>(value_.data()), size);
    srids_->UnsafeAppend(srid);
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector& fields, arrow::ArrayVector* out) {
    out->resize(2);
    ARROW_ASSIGN_OR_RAISE((*out)[0], wkb_.Finish(fields[0]->type()));
    return srids_->Finish(&(*out)[1]);
  }
  int64_t altered() const { return 0; }

 private:
  BytesBuilder wkb_;
  std::shared_ptr<arrow::Int32Builder> srids_;
  std::string value_;
  bool geography_;
};

}  // namespace cdc::columns

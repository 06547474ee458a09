#include "columns/bytes_builder.h"

#include <arrow/array/util.h>

namespace cdc::columns {

arrow::Result<std::shared_ptr<arrow::Array>> BytesBuilder::Finish(
    const std::shared_ptr<arrow::DataType>& type) {
  const int64_t values = valid_.length();
  const int64_t nulls = valid_.false_count();
  ARROW_RETURN_NOT_OK(offsets_.Append(static_cast<int32_t>(data_.length())));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> valid, valid_.Finish());
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> offsets, offsets_.Finish());
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> data, data_.Finish());
  if (nulls == 0) valid = nullptr;
  return arrow::MakeArray(arrow::ArrayData::Make(
      type, values, {std::move(valid), std::move(offsets), std::move(data)}, nulls));
}

}  // namespace cdc::columns

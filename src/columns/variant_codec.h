#pragma once

#include <string>
#include <string_view>

#include "columns/bytes_builder.h"
#include "columns/variant_text.h"
#include "odbc/utf16.h"

namespace cdc::columns {

// sql_variant, as the server tells it in UTF-16: the value's text, and its type as a second column.
class VariantCodec {
 public:
  static constexpr int64_t kBytes = 0;
  // A type and its arguments as the server tells them are longer than as T-SQL writes them.
  arrow::Status Reserve(int64_t values, int64_t bytes) {
    const auto utf8 = static_cast<int64_t>(odbc::MaxUtf8Bytes(static_cast<size_t>(bytes / 2)));
    ARROW_RETURN_NOT_OK(values_.Reserve(values, utf8 + values * kFloatTextBytesMax));
    return types_.Reserve(values, utf8);
  }
  void AppendNull() {
    values_.AppendNull();
    types_.AppendNull();
  }
  const char* Append(const uint8_t* cell, int64_t length) {
    if (length % 2 != 0) return "text with half a UTF-16 unit";
    const auto units = static_cast<size_t>(length / 2);
    text_.resize(odbc::MaxUtf8Bytes(units));
    int64_t replaced = 0;
    const size_t bytes = odbc::Utf16LeToUtf8(cell, units, text_.data(), &replaced);
    const char* wrong = ReadVariant(std::string_view(text_).substr(0, bytes), &parts_);
    if (wrong != nullptr) return wrong;
    Append(parts_.value, &values_);
    Append(parts_.type, &types_);
    altered_ += replaced > 0 ? 1 : 0;
    return nullptr;
  }
  arrow::Status Finish(const arrow::FieldVector& fields, arrow::ArrayVector* out) {
    out->resize(2);
    ARROW_ASSIGN_OR_RAISE((*out)[0], values_.Finish(fields[0]->type()));
    ARROW_ASSIGN_OR_RAISE((*out)[1], types_.Finish(fields[1]->type()));
    return arrow::Status::OK();
  }
  int64_t altered() const { return altered_; }

 private:
  static constexpr int64_t kFloatTextBytesMax = 32;  // "-2.2250738585072014e-308"

  static void Append(const std::string& text, BytesBuilder* builder) {
    builder->Append(reinterpret_cast<const uint8_t*>(text.data()),
                    static_cast<int64_t>(text.size()));
  }

  BytesBuilder values_;
  BytesBuilder types_;
  std::string text_;
  VariantParts parts_;
  int64_t altered_ = 0;
};

}  // namespace cdc::columns

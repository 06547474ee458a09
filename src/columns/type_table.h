#pragma once

#include <arrow/type.h>

#include <memory>
#include <string_view>

#include "columns/codec_decoder.h"
#include "columns/column.h"

namespace cdc::columns {

// How a type's name is completed in SQL.
enum class Arguments { kNone, kBytes, kUtf16Units, kPrecisionAndScale, kScale };

// Everything about one SQL type: how it is bound, decoded, and what it becomes.
struct SqlType {
  std::string_view name;  // sys.types.name
  Arguments arguments = Arguments::kNone;
  odbc::CType c_type = odbc::CType::kBinary;
  int64_t (*slot_bytes)(const SourceColumn&) = nullptr;
  std::shared_ptr<arrow::DataType> (*arrow_type)(const SourceColumn&) = nullptr;
  std::string_view encoding;  // kEncodingKey; empty: dictionary
  std::unique_ptr<ColumnDecoder> (*make)(const SourceColumn&, DecoderShape) = nullptr;
  bool has_offset_column = false;  // a second field, <column>__offset
};

// nullptr for a type that is not supported.
const SqlType* FindSqlType(std::string_view name);

}  // namespace cdc::columns

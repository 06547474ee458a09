#include "columns/parquet_forms.h"

#include <arrow/extension_type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>

#include "columns/column.h"

// Held against the readers themselves, value for value, by tests/e2e/test_readers.py and
// tests/e2e/witness/test_spark.py; an entry that is not true fails there.

namespace cdc::columns {
namespace {

constexpr LossKind kLosses[] = {
    {"", "every value exactly"},
    {"refused", "it does not open the file"},
    {"float64", "whole numbers beyond 2^53 are then rounded"},
    {"double", "a double: 15 to 17 digits"},
    {"millis", "milliseconds: finer digits are cut off, towards 1970"},
    {"text", "bytes taken for UTF-8: what is no text is replaced"},
};

constexpr std::string_view kArrowTypes = "dtype_backend='pyarrow'";
constexpr std::string_view kNanosAsLong = "spark.sql.legacy.parquet.nanosAsLong=true";
constexpr std::string_view kTimeType = "spark.sql.timeType.enabled=true";

// clang-format off
const std::vector<ParquetForm> kForms = {
    {"BOOLEAN",
     {{{"bool"}, {"BOOLEAN"}, {"Boolean"}, {"bool, with NULLs object of bool"}, {"boolean"}, {"boolean"}}}},
    {"INT(16, signed)",
     {{{"int16"}, {"SMALLINT"}, {"Int16"}, {"int16, with NULLs float64"}, {"smallint"}, {"number"}}}},
    {"INT32",
     {{{"int32"}, {"INTEGER"}, {"Int32"}, {"int32, with NULLs float64"}, {"int"}, {"number"}}}},
    {"INT64",
     {{{"int64"}, {"BIGINT"}, {"Int64"}, {"int64, with NULLs float64", Loss::kFloat64, kArrowTypes, "int64[pyarrow]"}, {"bigint"}, {"bigint"}}}},
    {"FLOAT",
     {{{"float"}, {"FLOAT"}, {"Float32"}, {"float32"}, {"float"}, {"number"}}}},
    {"DOUBLE",
     {{{"double"}, {"DOUBLE"}, {"Float64"}, {"float64"}, {"double"}, {"number"}}}},
    {"DECIMAL(p,s)",
     {{{"decimal128(p, s)"}, {"DECIMAL(p,s)"}, {"Decimal(p, s)"}, {"object of Decimal"}, {"decimal(p,s)"}, {"number", Loss::kDouble}}}},
    {"DATE",
     {{{"date32[day]"}, {"DATE"}, {"Date"}, {"object of date"}, {"date"}, {"Date"}}}},
    {"TIMESTAMP(micros, not UTC)",
     {{{"timestamp[us]"}, {"TIMESTAMP"}, {"Datetime('us')"}, {"datetime64[us]"}, {"timestamp_ntz"}, {"Date", Loss::kMillis}}}},
    {"TIMESTAMP(micros, UTC)",
     {{{"timestamp[us, tz=UTC]"}, {"TIMESTAMP WITH TIME ZONE"}, {"Datetime('us', 'UTC')"}, {"datetime64[us, UTC]"}, {"timestamp"}, {"Date", Loss::kMillis}}}},
    {"TIMESTAMP(millis, not UTC)",
     {{{"timestamp[ms]"}, {"TIMESTAMP"}, {"Datetime('ms')"}, {"datetime64[ms]"}, {"timestamp_ntz"}, {"Date"}}}},
    {"TIMESTAMP(millis, UTC)",
     {{{"timestamp[ms, tz=UTC]"}, {"TIMESTAMP WITH TIME ZONE"}, {"Datetime('ms', 'UTC')"}, {"datetime64[ms, UTC]"}, {"timestamp"}, {"Date"}}}},
    {"TIMESTAMP(nanos, not UTC)",
     {{{"timestamp[ns]"}, {"TIMESTAMP_NS"}, {"Datetime('ns')"}, {"datetime64[ns]"}, {"", Loss::kRefused, kNanosAsLong, "bigint"}, {"Date", Loss::kMillis}}}},
    {"TIME(micros, not UTC)",
     {{{"time64[us]"}, {"TIME"}, {"Time"}, {"object of time"}, {"", Loss::kRefused, kTimeType, "time(6)"}, {"bigint"}}}},
    {"STRING",
     {{{"string"}, {"VARCHAR"}, {"String"}, {"str"}, {"string"}, {"string"}}}},
    {"BYTE_ARRAY",
     {{{"binary"}, {"BLOB"}, {"Binary"}, {"object of bytes"}, {"binary"}, {"string", Loss::kText, "utf8: false", "Uint8Array"}}}},
    {"BYTE_ARRAY (WKB)",
     {{{"binary"}, {"GEOMETRY"}, {"Binary"}, {"object of bytes"}, {"binary"}, {"GeoJSON"}}}},
    {"UUID",
     {{{"extension<arrow.uuid>"}, {"UUID"}, {"Binary"}, {"object of UUID"}, {"", Loss::kRefused}, {"string"}}}},
};
// clang-format on

std::string_view TimestampName(const arrow::TimestampType& type) {
  const bool utc = !type.timezone().empty();
  switch (type.unit()) {
    case arrow::TimeUnit::MILLI:
      return utc ? "TIMESTAMP(millis, UTC)" : "TIMESTAMP(millis, not UTC)";
    case arrow::TimeUnit::MICRO:
      return utc ? "TIMESTAMP(micros, UTC)" : "TIMESTAMP(micros, not UTC)";
    case arrow::TimeUnit::NANO:
      return utc ? "" : "TIMESTAMP(nanos, not UTC)";
    default:
      return "";
  }
}

std::string_view NameOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return "BOOLEAN";
    case arrow::Type::INT16:
      return "INT(16, signed)";
    case arrow::Type::INT32:
      return "INT32";
    case arrow::Type::INT64:
      return "INT64";
    case arrow::Type::FLOAT:
      return "FLOAT";
    case arrow::Type::DOUBLE:
      return "DOUBLE";
    case arrow::Type::DECIMAL128:
      return "DECIMAL(p,s)";
    case arrow::Type::DATE32:
      return "DATE";
    case arrow::Type::TIMESTAMP:
      return TimestampName(static_cast<const arrow::TimestampType&>(type));
    case arrow::Type::TIME64:
      return static_cast<const arrow::Time64Type&>(type).unit() == arrow::TimeUnit::MICRO
                 ? "TIME(micros, not UTC)"
                 : "";
    case arrow::Type::STRING:
      return "STRING";
    case arrow::Type::BINARY:
      return "BYTE_ARRAY";
    case arrow::Type::EXTENSION:
      return static_cast<const arrow::ExtensionType&>(type).extension_name() == "arrow.uuid"
                 ? "UUID"
                 : "";
    default:
      return "";
  }
}

}  // namespace

const LossKind& KindOf(Loss loss) { return kLosses[static_cast<size_t>(loss)]; }

std::span<const LossKind> LossKinds() { return kLosses; }

const std::vector<ParquetForm>& ParquetForms() { return kForms; }

const ParquetForm* ParquetFormOf(const arrow::Field& field) {
  const bool geo = field.metadata() != nullptr && field.metadata()->Contains(kGeoKey);
  const std::string_view name = geo ? "BYTE_ARRAY (WKB)" : NameOf(*field.type());
  const auto found = std::ranges::find(kForms, name, &ParquetForm::name);
  return found == kForms.end() ? nullptr : &*found;
}

std::string ParquetTypeText(const arrow::Field& field) {
  const ParquetForm* form = ParquetFormOf(field);
  if (form == nullptr && field.type()->id() == arrow::Type::FIXED_SIZE_BINARY) {
    return fmt::format("FIXED_LEN_BYTE_ARRAY({})", field.type()->byte_width());
  }
  if (form == nullptr) return field.type()->ToString();
  if (field.type()->id() != arrow::Type::DECIMAL128) return std::string(form->name);
  const auto& decimal = static_cast<const arrow::Decimal128Type&>(*field.type());
  return fmt::format("DECIMAL({},{})", decimal.precision(), decimal.scale());
}

}  // namespace cdc::columns

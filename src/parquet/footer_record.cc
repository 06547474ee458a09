#include "parquet/footer_record.h"

#include <arrow/status.h>

#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

namespace cdc::pq {

// JSON shapes of the lists; docs/FORMAT.md shows them.
static void to_json(nlohmann::json& json, const Gap& gap) {
  json = {{"from", gap.from.ToString()}, {"to", gap.to.ToString()}};
}

static void from_json(const nlohmann::json& json, Gap& gap) {
  gap.from = Position::Parse(json.at("from").get<std::string>()).ValueOrDie();
  gap.to = Position::Parse(json.at("to").get<std::string>()).ValueOrDie();
}

static void to_json(nlohmann::json& json, const FooterColumn& column) {
  json = {{"name", column.name},
          {"sql_type", column.sql_type},
          {"ordinal", column.ordinal},
          {"column_id", column.column_id},
          {"is_computed", column.is_computed}};
}

static void from_json(const nlohmann::json& json, FooterColumn& column) {
  json.at("name").get_to(column.name);
  json.at("sql_type").get_to(column.sql_type);
  json.at("ordinal").get_to(column.ordinal);
  json.at("column_id").get_to(column.column_id);
  json.at("is_computed").get_to(column.is_computed);
}

namespace {

using arrow::Result;
using arrow::Status;

constexpr char kPrefix[] = "cdc.";

// The one list of fields: writing and reading both walk it, so they cannot differ.
template <typename Record, typename Visitor>
Status VisitFields(Record& record, Visitor&& visit) {
  ARROW_RETURN_NOT_OK(visit("format_version", record.format_version));
  ARROW_RETURN_NOT_OK(visit("database", record.database));
  ARROW_RETURN_NOT_OK(visit("schema", record.schema));
  ARROW_RETURN_NOT_OK(visit("table", record.table));
  ARROW_RETURN_NOT_OK(visit("capture_instance", record.capture_instance));
  ARROW_RETURN_NOT_OK(visit("history_id", record.history_id));
  ARROW_RETURN_NOT_OK(visit("sequence", record.sequence));
  ARROW_RETURN_NOT_OK(visit("from", record.from));
  ARROW_RETURN_NOT_OK(visit("to", record.to));
  ARROW_RETURN_NOT_OK(visit("rows", record.rows));
  ARROW_RETURN_NOT_OK(visit("checksum", record.checksum));
  ARROW_RETURN_NOT_OK(visit("previous_key", record.previous_key));
  ARROW_RETURN_NOT_OK(visit("gaps", record.gaps));
  ARROW_RETURN_NOT_OK(visit("incomplete", record.incomplete));
  ARROW_RETURN_NOT_OK(visit("columns", record.columns));
  ARROW_RETURN_NOT_OK(visit("key_columns", record.key_columns));
  ARROW_RETURN_NOT_OK(visit("altered_values", record.altered_values));
  ARROW_RETURN_NOT_OK(visit("options", record.options));
  return visit("program_version", record.program_version);
}

std::string ToText(const std::string& value) { return value; }
std::string ToText(const Position& value) { return value.ToString(); }
template <typename T>
std::string ToText(const T& value) {
  // Names come from the source as UTF-8; a name that is not becomes readable rather than fatal.
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status FromText(const std::string& text, std::string* value) {
  *value = text;
  return Status::OK();
}

Status FromText(const std::string& text, Position* value) {
  return Position::Parse(text).Value(value);
}

// What get_to would not refuse by itself.
template <typename T>
Status Check(const nlohmann::json&, const T&) {
  return Status::OK();
}

// It makes any number of any other: of a fraction, and of one out of range, which is undefined.
template <std::integral Int>
requires(!std::same_as<Int, bool>) Status Check(const nlohmann::json& json, const Int&) {
  const bool fits = json.is_number_unsigned()
                        ? std::in_range<Int>(json.get<uint64_t>())
                        : json.is_number_integer() && std::in_range<Int>(json.get<int64_t>());
  return fits ? Status::OK() : Status::Invalid("not a whole number of ", 8 * sizeof(Int), " bits");
}

Status Check(const nlohmann::json& json, const std::map<std::string, int64_t>&) {
  for (const auto& count : json) ARROW_RETURN_NOT_OK(Check(count, int64_t{}));
  return Status::OK();
}

Status Check(const nlohmann::json& json, const std::vector<FooterColumn>&) {
  for (const auto& column : json) {
    ARROW_RETURN_NOT_OK(Check(column.at("ordinal"), int32_t{}));
    ARROW_RETURN_NOT_OK(Check(column.at("column_id"), int32_t{}));
  }
  return Status::OK();
}

// from_json takes positions for granted.
Status Check(const nlohmann::json& json, const std::vector<Gap>&) {
  for (const auto& gap : json) {
    ARROW_RETURN_NOT_OK(Position::Parse(gap.at("from").get<std::string>()));
    ARROW_RETURN_NOT_OK(Position::Parse(gap.at("to").get<std::string>()));
  }
  return Status::OK();
}

template <typename T>
Status FromText(const std::string& text, T* value) try {
  const auto json = nlohmann::json::parse(text);
  ARROW_RETURN_NOT_OK(Check(json, *value));
  json.get_to(*value);
  return Status::OK();
} catch (const nlohmann::json::exception& error) {
  return Status::Invalid(error.what());
}

Status CheckFormat(const std::map<std::string, std::string>& values) {
  const auto found = values.find(std::string(kPrefix) + "format_version");
  if (found == values.end()) {
    return Status::Invalid("not an object of cdc-to-s3: its footer has no cdc.format_version");
  }
  int version = 0;
  if (!FromText(found->second, &version).ok()) {
    return Status::Invalid("the footer's cdc.format_version is no number: ", found->second);
  }
  if (version < 1 || version > kFormatVersion) {
    return Status::Invalid("the object has format version ", version, ", this program knows 1 to ",
                           kFormatVersion, ": read it with a newer cdc-to-s3");
  }
  return Status::OK();
}

}  // namespace

std::map<std::string, std::string> FooterRecord::ToKeyValues() const {
  std::map<std::string, std::string> values;
  const Status never_fails = VisitFields(*this, [&](const char* name, const auto& value) {
    values[std::string(kPrefix) + name] = ToText(value);
    return Status::OK();
  });
  (void)never_fails;
  return values;
}

Result<FooterRecord> FooterRecord::FromKeyValues(const std::map<std::string, std::string>& values) {
  ARROW_RETURN_NOT_OK(CheckFormat(values));
  FooterRecord record;
  ARROW_RETURN_NOT_OK(VisitFields(record, [&](const char* name, auto& value) {
    const std::string key = std::string(kPrefix) + name;
    const auto found = values.find(key);
    if (found == values.end()) return Status::Invalid("the footer has no ", key);
    Status status = FromText(found->second, &value);
    if (status.ok()) return status;
    return Status::Invalid("the footer's ", key, " cannot be read: ", status.message());
  }));
  return record;
}

}  // namespace cdc::pq

#include "parquet/footer_record.h"

#include <arrow/status.h>

#include <concepts>
#include <utility>

#include "base/known_columns_json.h"

namespace cdc::pq {

// Each record's members; docs/FORMAT.md shows them. Members in JSON are sorted by name.

template <typename Visitor>
void Members(Visitor& visit, Is<Gap> auto& gap) {
  visit.Member("from", gap.from);
  visit.Member("to", gap.to);
}

template <typename Visitor>
void Members(Visitor& visit, Is<FooterColumn> auto& column) {
  visit.Member("column_id", column.column_id);
  visit.Member("is_computed", column.is_computed);
  visit.Member("name", column.name);
  visit.Member("ordinal", column.ordinal);
  visit.Member("sql_type", column.sql_type);
}

template <typename Visitor>
void Members(Visitor& visit, Is<FooterRecord> auto& record) {
  visit.Member("format_version", record.format_version);
  visit.Member("database", record.database);
  visit.Member("schema", record.schema);
  visit.Member("table", record.table);
  visit.LaterMember("source_object_id", record.source_object_id);
  visit.Member("capture_instance", record.capture_instance);
  visit.Member("history_id", record.history_id);
  visit.Member("sequence", record.sequence);
  visit.Member("from", record.from);
  visit.Member("to", record.to);
  visit.Member("rows", record.rows);
  visit.Member("checksum", record.checksum);
  visit.Member("previous_key", record.previous_key);
  visit.Member("gaps", record.gaps);
  visit.Member("incomplete", record.incomplete);
  visit.Member("columns", record.columns);
  visit.Member("key_columns", record.key_columns);
  visit.Member("altered_values", record.altered_values);
  visit.Member("options", record.options);
  visit.LaterMember("database_guid", record.database_guid);
  visit.LaterMember("family_guid", record.family_guid);
  visit.LaterMember("known_columns", record.known_columns);
  visit.LaterMember("earlier_tables", record.earlier_tables);
  visit.Member("program_version", record.program_version);
}

namespace {

using arrow::Result;
using arrow::Status;
using KeyValues = std::map<std::string, std::string>;

constexpr char kPrefix[] = "cdc.";

// Text and positions stand there as they are.
std::string ToText(const std::string& value) { return value; }
std::string ToText(const Position& value) { return value.ToString(); }
template <typename T>
std::string ToText(const T& value) {
  // Names come from the source as UTF-8; a name that is not becomes readable rather than fatal.
  return MemberWriter::Write(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status FromText(const std::string& text, std::string* value) {
  *value = text;
  return Status::OK();
}
Status FromText(const std::string& text, Position* value) {
  return Position::Parse(text).Value(value);
}
template <typename T>
Status FromText(const std::string& text, T* value) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseJson(text));
  return MemberReader<Unknown::kPassedOver>::Read(json, "it", value);
}

struct FooterWriter {
  template <typename T>
  void Member(const char* name, const T& value) {
    values[std::string(kPrefix) + name] = ToText(value);
  }
  template <typename T>
  void LaterMember(const char* name, const T& value) {
    Member(name, value);
  }
  KeyValues values;
};

class FooterReader {
 public:
  explicit FooterReader(const KeyValues& values) : values_(values) {}

  template <typename T>
  void Member(const char* name, T& value) {
    if (status_.ok()) status_ = Read(std::string(kPrefix) + name, &value);
  }
  // One that came to the format later, which older objects lack.
  template <typename T>
  void LaterMember(const char* name, T& value) {
    if (values_.contains(std::string(kPrefix) + name)) Member(name, value);
  }

  const Status& status() const { return status_; }

 private:
  template <typename T>
  Status Read(const std::string& key, T* value) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return Status::Invalid("the footer has no ", key);
    const Status status = FromText(found->second, value);
    if (status.ok()) return status;
    return Status::Invalid("the footer's ", key, " cannot be read: ", status.message());
  }

  const KeyValues& values_;
  Status status_;
};

Status CheckFormat(const KeyValues& values) {
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
  FooterWriter writer;
  Members(writer, *this);
  return std::move(writer.values);
}

Result<FooterRecord> FooterRecord::FromKeyValues(const std::map<std::string, std::string>& values) {
  ARROW_RETURN_NOT_OK(CheckFormat(values));
  FooterRecord record;
  FooterReader reader(values);
  Members(reader, record);
  ARROW_RETURN_NOT_OK(reader.status());
  return record;
}

}  // namespace cdc::pq

#include "state/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/spool.h"

// The JSON form is written out by hand, field by field, so that reading can be strict: a document
// that a person edited wrongly must be refused, never half understood.

namespace cdc::state {

namespace {

using Json = nlohmann::ordered_json;

// Version 1 had no groups and no lease.
constexpr int64_t kBeforeGroups = 1;
using arrow::Result;
using arrow::Status;

// Reads one object's members; every member must be asked for and no other may be there.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) Fail("is not an object");
  }

  template <typename T>
  void Get(const char* name, T* out) {
    if (const Json* member = Find(name)) Assign(name, *member, out);
  }

  // A member that need not be there.
  const Json* FindOptional(const char* name) {
    return json_.is_object() && json_.contains(name) ? Find(name) : nullptr;
  }

  const Json* Find(const char* name) {
    seen_.insert(name);
    if (!json_.is_object()) return nullptr;
    const auto member = json_.find(name);
    if (member == json_.end()) {
      Fail(std::string("lacks ") + name);
      return nullptr;
    }
    return &*member;
  }

  // For sub-objects: a problem found elsewhere counts as this object's.
  void Add(const Status& status) {
    if (status_.ok()) status_ = status;
  }

  Status Finish() {
    if (json_.is_object()) {
      for (const auto& [name, value] : json_.items()) {
        if (!seen_.contains(name)) Fail("has an unknown member " + name);
      }
    }
    return status_;
  }

  const std::string& where() const { return where_; }

 private:
  void Fail(const std::string& what) { Add(Status::Invalid(where_, " ", what)); }

  void Assign(const char* name, const Json& member, std::string* out) {
    if (!member.is_string()) return Fail(std::string(name) + " is not a string");
    *out = member.get<std::string>();
  }
  void Assign(const char* name, const Json& member, bool* out) {
    if (!member.is_boolean()) return Fail(std::string(name) + " is not true or false");
    *out = member.get<bool>();
  }
  void Assign(const char* name, const Json& member, int64_t* out) {
    if (!member.is_number_integer()) return Fail(std::string(name) + " is not a whole number");
    *out = member.get<int64_t>();
    if (*out < 0) Fail(std::string(name) + " is negative");
  }
  void Assign(const char* name, const Json& member, Position* out) {
    AssignParsed(name, member, out, [](const std::string& text) { return Position::Parse(text); });
  }
  void Assign(const char* name, const Json& member, Lsn* out) {
    AssignParsed(name, member, out, [](const std::string& text) { return Lsn::Parse(text); });
  }
  template <typename T, typename Parse>
  void AssignParsed(const char* name, const Json& member, T* out, Parse parse) {
    std::string text;
    Assign(name, member, &text);
    if (!status_.ok()) return;
    const Result<T> parsed = parse(text);
    if (!parsed.ok()) return Fail(std::string(name) + ": " + parsed.status().message());
    *out = *parsed;
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> seen_;
  Status status_;
};

Json ToJsonValue(const Gap& gap) {
  return {{"from", gap.from.ToString()},
          {"to", gap.to.ToString()},
          {"accepted_at", gap.accepted_at},
          {"carried_by", gap.carried_by}};
}

Status FromJsonValue(const Json& json, const std::string& where, Gap* gap) {
  Reader reader(json, where);
  reader.Get("from", &gap->from);
  reader.Get("to", &gap->to);
  reader.Get("accepted_at", &gap->accepted_at);
  reader.Get("carried_by", &gap->carried_by);
  return reader.Finish();
}

Json ToJsonValue(const Claim& claim) {
  return {{"sequence", claim.sequence},         {"key", claim.key},
          {"previous_key", claim.previous_key}, {"from", claim.from.ToString()},
          {"to", claim.to.ToString()},          {"rows", claim.rows},
          {"checksum", claim.checksum},         {"incomplete", claim.incomplete},
          {"confirmed", claim.confirmed}};
}

Status FromJsonValue(const Json& json, const std::string& where, Claim* claim) {
  Reader reader(json, where);
  reader.Get("sequence", &claim->sequence);
  reader.Get("key", &claim->key);
  reader.Get("previous_key", &claim->previous_key);
  reader.Get("from", &claim->from);
  reader.Get("to", &claim->to);
  reader.Get("rows", &claim->rows);
  reader.Get("checksum", &claim->checksum);
  reader.Get("incomplete", &claim->incomplete);
  reader.Get("confirmed", &claim->confirmed);
  ARROW_RETURN_NOT_OK(reader.Finish());
  if (claim->sequence < 1) return Status::Invalid(where, " has sequence 0");
  if (claim->key.empty()) return Status::Invalid(where, " has no key");
  if (claim->to < claim->from) return Status::Invalid(where, " ends before it begins");
  return Status::OK();
}

Json ToJsonValue(const Table& table) {
  Json gaps = Json::array();
  for (const Gap& gap : table.gaps) gaps.push_back(ToJsonValue(gap));
  Json json{{"schema", table.schema},
            {"name", table.name},
            {"source_object_id", table.source_object_id},
            {"change_table_object_id", table.change_table_object_id},
            {"capture_instance", table.capture_instance},
            {"folder", table.folder},
            {"start", table.start.ToString()},
            {"position", table.position.ToString()},
            {"empty_through", table.empty_through.ToString()},
            {"in_cut", table.in_cut},
            {"claim", table.claim ? ToJsonValue(*table.claim) : Json(nullptr)},
            {"gaps", gaps},
            {"stopped", table.stopped},
            {"stopped_since", table.stopped_since}};
  if (!table.altered_values.empty()) json["altered_values"] = table.altered_values;
  return json;
}

Status ReadAltered(const Json& json, const std::string& where,
                   std::map<std::string, int64_t>* altered) {
  if (!json.is_object()) return Status::Invalid(where, ", altered_values is not an object");
  for (const auto& [column, count] : json.items()) {
    if (!count.is_number_integer() || count.get<int64_t>() < 1) {
      return Status::Invalid(where, ", altered_values of ", column, " is not a count");
    }
    altered->emplace(column, count.get<int64_t>());
  }
  return Status::OK();
}

Status FromJsonValue(const Json& json, const std::string& where, Table* table) {
  Reader reader(json, where);
  reader.Get("schema", &table->schema);
  reader.Get("name", &table->name);
  reader.Get("source_object_id", &table->source_object_id);
  reader.Get("change_table_object_id", &table->change_table_object_id);
  reader.Get("capture_instance", &table->capture_instance);
  reader.Get("folder", &table->folder);
  reader.Get("start", &table->start);
  reader.Get("position", &table->position);
  reader.Get("empty_through", &table->empty_through);
  reader.Get("in_cut", &table->in_cut);
  reader.Get("stopped", &table->stopped);
  reader.Get("stopped_since", &table->stopped_since);
  if (const Json* claim = reader.Find("claim"); claim != nullptr && !claim->is_null()) {
    table->claim.emplace();
    reader.Add(FromJsonValue(*claim, where + ", claim", &*table->claim));
  }
  if (const Json* gaps = reader.Find("gaps"); gaps != nullptr && gaps->is_array()) {
    for (const Json& gap : *gaps) {
      reader.Add(FromJsonValue(gap, where + ", gap", &table->gaps.emplace_back()));
    }
  }
  if (const Json* altered = reader.FindOptional("altered_values"); altered != nullptr) {
    reader.Add(ReadAltered(*altered, where, &table->altered_values));
  }
  ARROW_RETURN_NOT_OK(reader.Finish());
  if (table->position < table->start) return Status::Invalid(where, " is before its own start");
  if (table->claim && table->position < table->claim->to) {
    return Status::Invalid(where, " is before the end of its own claim");
  }
  return Status::OK();
}

Json ToJsonValue(const Owner& owner) {
  return {{"id", owner.id},
          {"counter", owner.counter},
          {"host", owner.host},
          {"pid", owner.pid},
          {"process", owner.process},
          {"since", owner.since},
          {"lease_ms", owner.lease_ms}};
}

Status FromJsonValue(const Json& json, Owner* owner) {
  Reader reader(json, "owner");
  reader.Get("id", &owner->id);
  reader.Get("counter", &owner->counter);
  reader.Get("host", &owner->host);
  reader.Get("pid", &owner->pid);
  reader.Get("process", &owner->process);
  reader.Get("since", &owner->since);
  reader.Get("lease_ms", &owner->lease_ms);
  return reader.Finish();
}

Status ReadTables(const Json& json, Document* document) {
  if (!json.is_object()) return Status::Invalid("tables is not an object");
  for (const auto& [name, value] : json.items()) {
    Table table;
    ARROW_RETURN_NOT_OK(FromJsonValue(value, "table " + name, &table));
    if (table.QualifiedName() != name) {
      return Status::Invalid("table ", name, " calls itself ", table.QualifiedName());
    }
    document->tables.emplace(name, std::move(table));
  }
  return Status::OK();
}

Status ReadVersion(const Json& json) {
  if (!json.is_object() || !json.contains("version") || !json["version"].is_number_integer()) {
    return Status::Invalid("it has no format version");
  }
  const auto version = json["version"].get<int64_t>();
  if (version == kDocumentVersion || version == kBeforeGroups) return Status::OK();
  return Status::Invalid("it has format version ", version, "; this program knows ",
                         kDocumentVersion);
}

Status CheckAnchor(const Document& document) {
  for (const auto& [name, table] : document.tables) {
    if (document.anchor && document.anchor->lsn < table.position.lsn()) {
      return Status::Invalid("table ", name, " is beyond the anchor ",
                             document.anchor->lsn.ToString());
    }
  }
  return Status::OK();
}

}  // namespace

namespace {

Json ToJsonValue(const Document& document) {
  Json json{{"version", document.version},
            {"database", document.database},
            {"group", document.group},
            {"database_guid", document.database_guid},
            {"history_id", document.history_id},
            {"owner", ToJsonValue(document.owner)},
            {"anchor", nullptr},
            {"complete_through", document.complete_through.ToString()},
            {"held_back_by", document.held_back_by},
            {"tables", Json::object()}};
  if (document.anchor) {
    json["anchor"] = {{"lsn", document.anchor->lsn.ToString()},
                      {"tran_end_time", document.anchor->tran_end_time}};
  }
  for (const auto& [name, table] : document.tables) json["tables"][name] = ToJsonValue(table);
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Over the document without its last member: whatever a hand changes shows, even where it makes
// sense.
std::string DigestOf(Json json) {
  json.erase("sha256");
  return ToHex(Sha256Of(Dump(json)));
}

void BringUpToDate(Json* json) {
  if ((*json)["version"] != kBeforeGroups) return;
  (*json)["version"] = kDocumentVersion;
  (*json)["group"] = "";
  if (!(*json)["owner"].is_object()) return;
  (*json)["owner"]["process"] = "";
  (*json)["owner"]["lease_ms"] = 0;
}

}  // namespace

std::string Document::ToJson() const {
  Json json = ToJsonValue(*this);
  json["sha256"] = DigestOf(json);
  return Dump(json);
}

Result<Document> Document::FromJson(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Status::Invalid("it is not JSON");
  ARROW_RETURN_NOT_OK(ReadVersion(json));
  const std::string found = DigestOf(json);
  BringUpToDate(&json);
  Document document;
  Reader reader(json, "it");
  int64_t version = 0;
  reader.Get("version", &version);
  reader.Get("database", &document.database);
  reader.Get("group", &document.group);
  reader.Get("database_guid", &document.database_guid);
  reader.Get("history_id", &document.history_id);
  if (const Json* owner = reader.Find("owner")) reader.Add(FromJsonValue(*owner, &document.owner));
  if (const Json* anchor = reader.Find("anchor"); anchor != nullptr && !anchor->is_null()) {
    document.anchor.emplace();
    Reader members(*anchor, "anchor");
    members.Get("lsn", &document.anchor->lsn);
    members.Get("tran_end_time", &document.anchor->tran_end_time);
    reader.Add(members.Finish());
  }
  reader.Get("complete_through", &document.complete_through);
  if (const Json* held = reader.Find("held_back_by"); held != nullptr && held->is_array()) {
    for (const Json& name : *held) {
      if (name.is_string()) document.held_back_by.push_back(name.get<std::string>());
    }
  }
  if (const Json* tables = reader.Find("tables")) reader.Add(ReadTables(*tables, &document));
  std::string digest;
  reader.Get("sha256", &digest);
  ARROW_RETURN_NOT_OK(reader.Finish());
  ARROW_RETURN_NOT_OK(CheckAnchor(document));
  if (digest != found) {
    return Status::Invalid(
        "it was changed by something else than this program: its sha256 does not fit");
  }
  return document;
}

Position Document::PlaceOf(const Table& table) const {
  Position place = std::max(table.position, Position::After(table.empty_through));
  if (table.in_cut) place = std::max(place, Position::After(complete_through));
  return place;
}

}  // namespace cdc::state

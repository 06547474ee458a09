#include "state/document.h"

#include <algorithm>

#include "base/json_members.h"
#include "base/spool.h"

namespace cdc::state {

using arrow::Result;
using arrow::Status;

// Each record's members, in the order of docs/FORMAT.md.

template <typename Visitor>
void Members(Visitor& visit, Is<Gap> auto& gap) {
  visit.Member("from", gap.from);
  visit.Member("to", gap.to);
  visit.Member("accepted_at", gap.accepted_at);
  visit.Member("carried_by", gap.carried_by);
  visit.MemberUnlessEmpty("source_object_id", gap.source_object_id);
}

template <typename Visitor>
void Members(Visitor& visit, Is<Claim> auto& claim) {
  visit.Member("sequence", claim.sequence);
  visit.Member("key", claim.key);
  visit.Member("previous_key", claim.previous_key);
  visit.Member("from", claim.from);
  visit.Member("to", claim.to);
  visit.Member("rows", claim.rows);
  visit.Member("checksum", claim.checksum);
  visit.Member("incomplete", claim.incomplete);
  visit.Member("confirmed", claim.confirmed);
}

template <typename Visitor>
void Members(Visitor& visit, Is<KnownColumn> auto& column) {
  visit.Member("column_id", column.column_id);
  visit.Member("name", column.name);
  visit.Member("delivered", column.delivered);
  visit.MemberUnlessEmpty("earlier_names", column.earlier_names);
}

template <typename Visitor>
void Members(Visitor& visit, Is<EarlierTable> auto& earlier) {
  visit.Member("source_object_id", earlier.source_object_id);
  visit.Member("through", earlier.through);
  visit.MemberUnlessEmpty("columns", earlier.columns);
}

template <typename Visitor>
void Members(Visitor& visit, Is<Table> auto& table) {
  visit.Member("schema", table.schema);
  visit.Member("name", table.name);
  visit.Member("source_object_id", table.source_object_id);
  visit.Member("change_table_object_id", table.change_table_object_id);
  visit.Member("capture_instance", table.capture_instance);
  visit.Member("folder", table.folder);
  visit.Member("start", table.start);
  visit.Member("position", table.position);
  visit.Member("empty_through", table.empty_through);
  visit.Member("in_cut", table.in_cut);
  visit.Member("claim", table.claim);
  visit.Member("gaps", table.gaps);
  visit.Member("stopped", table.stopped);
  visit.Member("stopped_since", table.stopped_since);
  visit.MemberUnlessEmpty("altered_values", table.altered_values);
  visit.MemberUnlessEmpty("name_today", table.name_today);
  visit.MemberUnlessEmpty("earlier_instances", table.earlier_instances);
  visit.MemberUnlessEmpty("earlier_tables", table.earlier_tables);
  visit.MemberUnlessEmpty("follows", table.follows);
  visit.MemberUnlessEmpty("columns", table.columns);
  visit.MemberUnlessEmpty("earlier_folders", table.earlier_folders);
  visit.MemberUnlessEmpty("form", table.form.last);
  visit.MemberUnlessEmpty("earlier_types", table.form.earlier_types);
}

template <typename Visitor>
void Members(Visitor& visit, Is<Owner> auto& owner) {
  visit.Member("id", owner.id);
  visit.Member("counter", owner.counter);
  visit.Member("host", owner.host);
  visit.Member("pid", owner.pid);
  visit.Member("process", owner.process);
  visit.Member("since", owner.since);
  visit.Member("lease_ms", owner.lease_ms);
}

template <typename Visitor>
void Members(Visitor& visit, Is<Anchor> auto& anchor) {
  visit.Member("lsn", anchor.lsn);
  visit.Member("tran_end_time", anchor.tran_end_time);
}

template <typename Visitor>
void Members(Visitor& visit, Is<Document> auto& document) {
  visit.Member("version", document.version);
  visit.Member("database", document.database);
  visit.Member("group", document.group);
  visit.Member("database_guid", document.database_guid);
  visit.MemberUnlessEmpty("family_guid", document.family_guid);
  visit.MemberUnlessEmpty("recovery_fork_guid", document.recovery_fork_guid);
  visit.Member("history_id", document.history_id);
  visit.Member("owner", document.owner);
  visit.Member("anchor", document.anchor);
  visit.Member("complete_through", document.complete_through);
  visit.Member("held_back_by", document.held_back_by);
  visit.Member("tables", document.tables);
}

// What must hold between members.

static Status CheckMembers(const KnownColumn& column, const std::string& what) {
  const std::string& word = column.delivered;
  if (word == kClear || word == kMasked || word == kLeftOut) return Status::OK();
  return Status::Invalid(what, ", delivered is none of clear, masked and left_out");
}

static Status CheckMembers(const Claim& claim, const std::string& what) {
  if (claim.sequence < 1) return Status::Invalid(what, " has sequence 0");
  if (claim.key.empty()) return Status::Invalid(what, " has no key");
  if (claim.to < claim.from) return Status::Invalid(what, " ends before it begins");
  return Status::OK();
}

// Where the table is that made the last claim: an earlier one may be far beyond its follower.
static Position EndOfClaim(const Table& table) {
  if (table.earlier_tables.empty()) return table.position;
  return std::max(table.position, table.earlier_tables.back().through);
}

static Status CheckMembers(const Table& table, const std::string& what) {
  for (const auto& [column, count] : table.altered_values) {
    if (count < 1) return Status::Invalid(what, ", altered_values of ", column, " is not a count");
  }
  if (table.position < table.start) return Status::Invalid(what, " is before its own start");
  if (table.claim && EndOfClaim(table) < table.claim->to) {
    return Status::Invalid(what, " is before the end of its own claim");
  }
  return Status::OK();
}

static Status CheckTables(const Document& document) {
  for (const auto& [name, table] : document.tables) {
    if (table.QualifiedName() != name) {
      return Status::Invalid("table ", name, " calls itself ", table.QualifiedName());
    }
    if (document.anchor && document.anchor->lsn < table.position.lsn()) {
      return Status::Invalid("table ", name, " is beyond the anchor ",
                             document.anchor->lsn.ToString());
    }
  }
  return Status::OK();
}

namespace {

// Version 1 had no groups and no lease.
constexpr int64_t kBeforeGroups = 1;

Status ReadVersion(const Json& json) {
  if (!json.is_object() || !json.contains("version") || !json["version"].is_number_integer()) {
    return Status::Invalid("it has no format version");
  }
  const auto version = json["version"].get<int64_t>();
  if (version == kDocumentVersion || version == kBeforeGroups) return Status::OK();
  return Status::Invalid("it has format version ", version, "; this program knows ",
                         kDocumentVersion);
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
  Json json = MemberWriter::Write(*this);
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
  std::string digest;
  MemberReader<Unknown::kRefused> reader(json, "");
  Members(reader, document);
  reader.Member("sha256", digest);
  ARROW_RETURN_NOT_OK(reader.Finish());
  ARROW_RETURN_NOT_OK(CheckTables(document));
  if (digest != found) {
    return Status::Invalid(
        "it was changed by something else than this program: its sha256 does not fit");
  }
  return document;
}

std::string Table::NameForPeople() const {
  if (name_today.empty()) return QualifiedName();
  return QualifiedName() + " (called " + name_today + " today)";
}

std::vector<std::string> Table::Folders() const {
  std::vector<std::string> folders = earlier_folders;
  folders.push_back(folder);
  return folders;
}

Position Document::ResumePosition(const Table& table) const {
  Position resume = std::max(table.position, Position::After(table.empty_through));
  if (table.in_cut) resume = std::max(resume, Position::After(complete_through));
  return resume;
}

}  // namespace cdc::state

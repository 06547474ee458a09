#include "state/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/spool.h"

namespace cdc::state {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

Lsn L(int n) {
  Lsn lsn;
  lsn.bytes[9] = static_cast<uint8_t>(n);
  return lsn;
}

Document Rich() {
  Document document;
  document.database = "Shop";
  document.history_id = "h1";
  document.owner = {"o", 3, "host", 17, "p", "2026-01-02T03:04:05Z", 30'000};
  document.anchor = Anchor{L(9), "2026-01-02 03:04:05.007"};
  document.complete_through = L(5);
  document.held_back_by = {"dbo.Bücher"};
  Table table;
  table.schema = "dbo";
  table.name = "Bücher";
  table.folder = "Shop/Bücher/cdc/";
  table.capture_instance = "dbo_Bücher";
  table.start = Position::After(L(1));
  table.position = Position::AfterRow({L(9), 2, L(8), 4});
  table.empty_through = L(6);
  table.claim =
      Claim{{4, "k3", Position::After(L(2)), table.position, 10, "ff", false}, "k4", true};
  table.gaps = {{Position::After(L(1)), Position::After(L(2)), "2026-01-01T00:00:00Z", 4}};
  table.altered_values = {{"Titel", 12}, {kOtherColumns, 1}};
  table.stopped = "because";
  document.tables["dbo.Bücher"] = table;
  return document;
}

// As docs/FORMAT.md has it, but for the digest.
constexpr char kRichText[] = R"({
 "version": 2,
 "database": "Shop",
 "group": "",
 "database_guid": "",
 "history_id": "h1",
 "owner": {
  "id": "o",
  "counter": 3,
  "host": "host",
  "pid": 17,
  "process": "p",
  "since": "2026-01-02T03:04:05Z",
  "lease_ms": 30000
 },
 "anchor": {
  "lsn": "00000000000000000009",
  "tran_end_time": "2026-01-02 03:04:05.007"
 },
 "complete_through": "00000000000000000005",
 "held_back_by": [
  "dbo.Bücher"
 ],
 "tables": {
  "dbo.Bücher": {
   "schema": "dbo",
   "name": "Bücher",
   "source_object_id": 0,
   "change_table_object_id": 0,
   "capture_instance": "dbo_Bücher",
   "folder": "Shop/Bücher/cdc/",
   "start": "00000000000000000001",
   "position": "00000000000000000009/2/00000000000000000008/4",
   "empty_through": "00000000000000000006",
   "in_cut": false,
   "claim": {
    "sequence": 4,
    "key": "k4",
    "previous_key": "k3",
    "from": "00000000000000000002",
    "to": "00000000000000000009/2/00000000000000000008/4",
    "rows": 10,
    "checksum": "ff",
    "incomplete": false,
    "confirmed": true
   },
   "gaps": [
    {
     "from": "00000000000000000001",
     "to": "00000000000000000002",
     "accepted_at": "2026-01-01T00:00:00Z",
     "carried_by": 4
    }
   ],
   "stopped": "because",
   "stopped_since": "",
   "altered_values": {
    "": 1,
    "Titel": 12
   }
  }
 },
 "sha256": ")";

TEST(Document, is_written_byte_by_byte_as_documented) {
  const std::string text = Rich().ToJson();
  EXPECT_EQ(text.substr(0, sizeof(kRichText) - 1), kRichText);
  Document bare;
  EXPECT_NE(bare.ToJson().find(" \"anchor\": null,\n"), std::string::npos);
  EXPECT_NE(bare.ToJson().find(" \"held_back_by\": [],\n \"tables\": {},\n"), std::string::npos);
}

TEST(Document, survives_its_json_form) {
  const auto read = Document::FromJson(Rich().ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Rich());
}

TEST(Document, has_earlier_names_of_a_column_only_where_there_are_any) {
  Document document = Rich();
  KnownColumns& columns = document.tables.begin()->second.columns;
  columns = {{2, "Mail", kMasked}};
  EXPECT_EQ(document.ToJson().find("earlier_names"), std::string::npos);
  columns = {{2, "Mail", kMasked, {"Email", "Contact"}}};
  EXPECT_NE(document.ToJson().find("earlier_names"), std::string::npos);
  EXPECT_EQ(*Document::FromJson(document.ToJson()), document);
}

TEST(Document, says_nothing_of_altered_values_where_there_are_none) {
  Document document = Rich();
  document.tables.begin()->second.altered_values.clear();
  EXPECT_EQ(document.ToJson().find("altered_values"), std::string::npos);
  EXPECT_EQ(*Document::FromJson(document.ToJson()), document);
}

TEST(Document, place_is_the_furthest_of_position_empty_through_and_the_cut) {
  Document document = Rich();
  Table& table = document.tables.begin()->second;
  EXPECT_EQ(document.ResumePosition(table), table.position);
  table.position = Position::After(L(4));
  EXPECT_EQ(document.ResumePosition(table), Position::After(L(6)));
  table.empty_through = Lsn{};
  EXPECT_EQ(document.ResumePosition(table), Position::After(L(4)));
  table.in_cut = true;
  EXPECT_EQ(document.ResumePosition(table), Position::After(L(5)));
}

TEST(Document, refuses_every_damage_a_person_can_do_to_it) {
  const std::string good = Rich().ToJson();
  const std::pair<const char*, const char*> damages[] = {
      {"\"version\": 2", "\"version\": 3"},
      {"\"version\": 2,", ""},
      {"\"rows\": 10", "\"rows\": \"10\""},
      {"\"rows\": 10", "\"rows\": -1"},
      {"\"rows\": 10", "\"rowz\": 10"},
      {"\"confirmed\": true", "\"confirmed\": 1"},
      {"\"sequence\": 4", "\"sequence\": 0"},
      {"/2/", "/x/"},
      {"\"Titel\": 12", "\"Titel\": 0"},
      {"\"Titel\": 12", "\"Titel\": \"12\""},
      {"\"name\": \"Bücher\"", "\"name\": \"Hefte\""},
      {"\"lsn\": \"00000000000000000009\"",
       "\"lsn\": \"00000000000000000008\""},  // positions beyond it
      {"\"complete_through\": \"00000000000000000005\"",
       "\"complete_through\": \"00000000000000000006\""},  // makes sense, but nobody wrote it
      {"}\n", ""},
  };
  for (const auto& [what, with] : damages) {
    std::string bad = good;
    const size_t at = bad.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    bad.replace(at, std::string(what).size(), with);
    EXPECT_FALSE(Document::FromJson(bad).ok()) << what << " -> " << with;
  }
}

// The places of all members, whatever they are in.
std::vector<Json::json_pointer> MembersOf(const Json& json, const Json::json_pointer& at) {
  std::vector<Json::json_pointer> places;
  for (const auto& [name, value] : json.items()) {
    const auto here = json.is_array() ? at / std::stoul(name) : at / name;
    if (json.is_object()) places.push_back(here);
    if (!value.is_structured()) continue;
    for (const auto& place : MembersOf(value, here)) places.push_back(place);
  }
  return places;
}

TEST(Document, that_nests_without_end_is_refused_before_it_is_read) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  for (const std::string& text : {deep, "{\"version\":2,\"tables\":" + deep + "}"}) {
    EXPECT_NE(Document::FromJson(text).status().message().find("nests deeper"), std::string::npos);
  }
}

std::string Refusal(const Json& json) { return Document::FromJson(json.dump()).status().message(); }

TEST(Document, takes_no_member_too_few_nor_too_many_nor_of_another_type) {
  const Json good = Json::parse(Rich().ToJson());
  for (const auto& place : MembersOf(good, Json::json_pointer())) {
    const std::string& name = place.back();
    const auto parent = place.parent_pointer();
    if (name == "version" || name == "dbo.Bücher") continue;
    if (!parent.empty() && parent.back() == "altered_values") continue;
    Json other = good;
    other[place] = good[place].is_number() ? Json("7") : Json(7);
    EXPECT_THAT(Refusal(other), HasSubstr(name + " is not ")) << place;
    other = good;
    other[parent]["note"] = "mine";
    EXPECT_THAT(Refusal(other), HasSubstr("has an unknown member note")) << place;
    if (name == "altered_values") continue;
    other = good;
    other[parent].erase(name);
    EXPECT_THAT(Refusal(other), HasSubstr("lacks " + name)) << place;
  }
}

TEST(Document, reads_one_from_before_groups_and_leases) {
  Document rich = Rich();
  rich.group.clear();
  rich.owner.lease_ms = 0;
  rich.owner.process.clear();
  // As version 1 wrote it: without the two members, and with the digest over what is left.
  std::string old = rich.ToJson();
  const auto take_out = [&old](std::string_view line) {
    const size_t at = old.find(line);
    ASSERT_NE(at, std::string::npos) << line;
    old.erase(at, line.size());
  };
  take_out(" \"group\": \"\",\n");
  take_out(",\n  \"lease_ms\": 0");
  take_out("  \"process\": \"\",\n");
  old.replace(old.find("\"version\": 2"), 12, "\"version\": 1");
  const size_t digest = old.find(",\n \"sha256\"");
  ASSERT_NE(digest, std::string::npos);
  const std::string body = old.substr(0, digest) + "\n}\n";
  old = old.substr(0, digest) + ",\n \"sha256\": \"" + ToHex(Sha256Of(body)) + "\"\n}\n";
  const auto read = Document::FromJson(old);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, rich);
}

}  // namespace
}  // namespace cdc::state

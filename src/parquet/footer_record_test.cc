#include "parquet/footer_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "parquet/test_rows.h"

namespace cdc::pq {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using testing::KeyOfRow;

FooterRecord FullRecord() {
  FooterRecord record = testing::RecordOfRows(12);
  record.database = "Bücher \"2024\"";
  record.from = Position::After(KeyOfRow(0).start_lsn.Previous());
  record.source_object_id = 1461580245;
  record.previous_key = "Bücher/Person/cdc/Person_cdc_20250109_143015.parquet";
  record.gaps = {{Position::After(KeyOfRow(0).start_lsn), Position::AfterRow(KeyOfRow(55))}};
  record.incomplete = true;
  record.columns = {{"BusinessEntityID", "int", 1, 1, false},
                    {"Straße", "nvarchar(50)", 2, 7, true}};
  record.key_columns = {"BusinessEntityID"};
  record.altered_values = {{"ModifiedDate", 17}};
  record.options = {{"time", "string"}};
  record.database_guid = "6D6F1C0F-0000-0000-0000-000000000001";
  record.family_guid = "6D6F1C0F-0000-0000-0000-000000000002";
  record.known_columns = {{1, "BusinessEntityID", kClear}, {7, "Straße", kMasked}};
  record.earlier_tables = {{4711, record.from, {{3, "Mail", kLeftOut}}}};
  return record;
}

TEST(FooterRecord, every_field_survives_the_key_values) {
  EXPECT_EQ(FooterRecord::FromKeyValues(FullRecord().ToKeyValues()).ValueOrDie(), FullRecord());
  const FooterRecord empty;
  EXPECT_EQ(FooterRecord::FromKeyValues(empty.ToKeyValues()).ValueOrDie(), empty);
}

TEST(FooterRecord, names_begin_with_cdc_and_lists_are_json) {
  const auto values = FullRecord().ToKeyValues();
  for (const auto& [name, value] : values) EXPECT_TRUE(name.starts_with("cdc.")) << name;
  EXPECT_EQ(values.at("cdc.key_columns"), R"(["BusinessEntityID"])");
  EXPECT_EQ(values.at("cdc.gaps"), R"([{"from":")" + FullRecord().gaps[0].from.ToString() +
                                       R"(","to":")" + FullRecord().gaps[0].to.ToString() +
                                       R"("}])");
  EXPECT_EQ(values.at("cdc.columns"),
            R"j([{"column_id":1,"is_computed":false,"name":"BusinessEntityID","ordinal":1,)j"
            R"j("sql_type":"int"},{"column_id":7,"is_computed":true,"name":"Straße","ordinal":2,)j"
            R"j("sql_type":"nvarchar(50)"}])j");
  EXPECT_EQ(values.at("cdc.altered_values"), R"({"ModifiedDate":17})");
  EXPECT_EQ(values.at("cdc.options"), R"({"time":"string"})");
  EXPECT_EQ(values.at("cdc.incomplete"), "true");
  EXPECT_EQ(values.at("cdc.table"), "Person");
  EXPECT_EQ(values.at("cdc.rows"), "12");
}

bool CameLater(const std::string& name) {
  const char* later[] = {"cdc.source_object_id", "cdc.database_guid", "cdc.family_guid",
                         "cdc.known_columns", "cdc.earlier_tables"};
  return std::ranges::find(later, name) != std::end(later);
}

TEST(FooterRecord, a_missing_or_broken_field_is_named) {
  for (const auto& [name, value] : FullRecord().ToKeyValues()) {
    if (CameLater(name)) continue;
    auto values = FullRecord().ToKeyValues();
    values.erase(name);
    EXPECT_THAT(FooterRecord::FromKeyValues(values).status().message(), HasSubstr(name));
  }
  for (const char* name : {"cdc.rows", "cdc.from", "cdc.gaps", "cdc.columns", "cdc.incomplete"}) {
    auto values = FullRecord().ToKeyValues();
    values[name] = "[{\"from\": 12}";
    EXPECT_THAT(FooterRecord::FromKeyValues(values).status().message(), HasSubstr(name));
  }
  auto values = FullRecord().ToKeyValues();
  values["cdc.gaps"] = "[{\"from\":\"nonsense\",\"to\":\"nonsense\"}]";
  EXPECT_THAT(FooterRecord::FromKeyValues(values).status().message(), HasSubstr("cdc.gaps"));
}

TEST(FooterRecord, of_an_older_object_names_no_source_table_and_remembers_nothing) {
  auto values = FullRecord().ToKeyValues();
  ASSERT_EQ(values.at("cdc.source_object_id"), "1461580245");
  std::erase_if(values, [](const auto& value) { return CameLater(value.first); });
  values["cdc.format_version"] = "1";
  FooterRecord older = FullRecord();
  older.format_version = 1;
  older.source_object_id = 0;
  older.database_guid = older.family_guid = "";
  older.known_columns.clear();
  older.earlier_tables.clear();
  EXPECT_FALSE(older.remembers());
  EXPECT_EQ(FooterRecord::FromKeyValues(values).ValueOrDie(), older);
}

TEST(FooterRecord, a_number_that_is_not_whole_or_does_not_fit_is_refused_by_its_fields_name) {
  const std::string column = R"([{"name":"c","sql_type":"int","is_computed":false,)";
  const std::pair<const char*, std::string> wrong[] = {
      {"cdc.rows", "1e3"},
      {"cdc.rows", "1.5"},
      {"cdc.rows", "9223372036854775808"},
      {"cdc.sequence", "true"},
      {"cdc.source_object_id", "\"7\""},
      {"cdc.format_version", "4294967297"},
      {"cdc.altered_values", R"({"c":1.5})"},
      {"cdc.altered_values", R"({"c":1e40})"},
      {"cdc.columns", column + R"("ordinal":1,"column_id":155555555555555555555}])"},
      {"cdc.columns", column + R"("ordinal":2147483648,"column_id":1}])"},
      {"cdc.columns", column + R"("ordinal":0.5,"column_id":1}])"},
  };
  for (const auto& [name, value] : wrong) {
    auto values = FullRecord().ToKeyValues();
    values[name] = value;
    EXPECT_THAT(FooterRecord::FromKeyValues(values).status().message(), HasSubstr(name)) << value;
  }
}

TEST(FooterRecord, a_newer_format_asks_for_a_newer_program) {
  auto values = FullRecord().ToKeyValues();
  values["cdc.format_version"] = "3";
  EXPECT_THAT(FooterRecord::FromKeyValues(values).status().message(),
              HasSubstr("read it with a newer cdc-to-s3"));
}

TEST(FooterRecord, the_files_of_others_are_not_ours) {
  EXPECT_THAT(FooterRecord::FromKeyValues({{"pandas", "{}"}}).status().message(),
              HasSubstr("not an object of cdc-to-s3"));
}

TEST(UserMetadata, says_which_object_it_is) {
  const FooterRecord record = FullRecord();
  const auto identity = IdentityFromUserMetadata(record.ToUserMetadata());
  ASSERT_TRUE(identity.has_value());
  ObjectLabel expected = record;
  expected.previous_key.clear();  // a key can be longer than all that S3 allows
  EXPECT_EQ(*identity, expected);
}

TEST(UserMetadata, is_ascii_without_blanks_and_begins_with_cdc) {
  const auto metadata = FullRecord().ToUserMetadata();
  EXPECT_EQ(metadata.at("cdc-database"), "B%C3%BCcher%20\"2024\"");
  for (const auto& [name, value] : metadata) {
    EXPECT_TRUE(name.starts_with("cdc-")) << name;
    EXPECT_TRUE(std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; })) << value;
  }
}

TEST(UserMetadata, stays_below_the_limit_of_s3_by_leaving_out_names) {
  FooterRecord record = FullRecord();
  for (std::string* name : {&record.database, &record.schema, &record.table}) {
    name->clear();
    for (int i = 0; i < 128; ++i) *name += "数";
  }
  size_t bytes = 0;
  for (const auto& [name, value] : record.ToUserMetadata()) bytes += name.size() + value.size();
  EXPECT_LE(bytes, 2048U);
  EXPECT_TRUE(IdentityFromUserMetadata(record.ToUserMetadata()).has_value());
}

TEST(UserMetadata, of_an_older_object_names_no_source_table) {
  auto metadata = FullRecord().ToUserMetadata();
  ASSERT_EQ(metadata.at("cdc-source-object-id"), "1461580245");
  metadata.erase("cdc-source-object-id");
  const auto older = IdentityFromUserMetadata(metadata);
  ASSERT_TRUE(older.has_value());
  EXPECT_EQ(older->source_object_id, 0);
  metadata["cdc-source-object-id"] = "x";
  EXPECT_EQ(IdentityFromUserMetadata(metadata), std::nullopt);
}

TEST(UserMetadata, of_somebody_elses_object_is_no_identity) {
  EXPECT_EQ(IdentityFromUserMetadata({}), std::nullopt);
  EXPECT_EQ(IdentityFromUserMetadata({{"s3cmd-attrs", "uid:0"}}), std::nullopt);
  for (const char* name : {"cdc-sequence", "cdc-from", "cdc-rows"}) {
    auto metadata = FullRecord().ToUserMetadata();
    metadata[name] = "-1x";
    EXPECT_EQ(IdentityFromUserMetadata(metadata), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace cdc::pq

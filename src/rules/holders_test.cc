#include "rules/holders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using ::testing::AllOf;
using testing::DocumentOf;
using testing::Entry;
using ::testing::HasSubstr;
using testing::Instance;

constexpr char kOther[] = "_cdc_to_s3/groups/Shop/a.json";

state::OtherTables OthersWith(const std::string& table, int64_t source_object_id) {
  state::OtherTables others;
  others.folders["Shop/" + table + "/cdc/"] = {kOther, "dbo." + table};
  others.source_object_ids[source_object_id] = {kOther, "dbo." + table};
  return others;
}

Newcomer Table(const std::string& name, int64_t source_object_id) {
  return {"dbo." + name, source_object_id, "Shop/" + name + "/cdc/"};
}

TEST(Holders, a_table_of_another_document_is_anothers_whatever_it_is_called_today) {
  const auto others = OthersWith("A", 1);
  EXPECT_THAT(WhyAnothers(others, "Shop", Table("A", 1)),
              AllOf(HasSubstr(kOther), HasSubstr("must not overlap")));
  EXPECT_THAT(WhyAnothers(others, "Shop", Table("A_v1", 1)),
              AllOf(HasSubstr(kOther), HasSubstr("as dbo.A,"), HasSubstr("name dbo.A_v1 in")));
  EXPECT_EQ(WhyAnothers(others, "Shop", Table("B", 2)), "");
}

TEST(Holders, another_table_under_a_name_of_another_document_does_not_get_its_folder) {
  EXPECT_THAT(WhyAnothers(OthersWith("A", 1), "Shop", Table("A", 2)), HasSubstr(kOther));
  auto twin = Table("A", 2);
  twin.name = "archive.A";
  EXPECT_THAT(WhyAnothers(OthersWith("A", 1), "Shop", twin),
              AllOf(HasSubstr("table dbo.A"), HasSubstr("{schema}")));
}

TEST(Holders, a_folder_of_another_database_is_told_as_such) {
  state::OtherTables others;
  others.folders["A/cdc/"] = {"_cdc_to_s3/Bank.json", ""};
  EXPECT_THAT(WhyAnothers(others, "Shop", {"dbo.A", 1, "A/cdc/"}), HasSubstr("another database"));
}

TEST(Holders, a_table_that_another_document_delivers_does_not_go_on_under_a_name_of_this_one) {
  const auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  EXPECT_THAT(WhyFollowerIsAnothers(OthersWith("A_stage", 2), entry, 2),
              AllOf(HasSubstr("as dbo.A_stage"), HasSubstr(kOther)));
  EXPECT_EQ(WhyFollowerIsAnothers(OthersWith("A_stage", 2), entry, 3), "");
}

TEST(Holders, a_folder_is_one_tables_of_the_document_and_of_those_that_come_in) {
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  entry.folder = "Shop/A/cdc_2/";
  entry.earlier_folders = {"Shop/A/cdc/"};
  const auto document = DocumentOf({entry});
  const state::OtherTables others;
  Holders holders(&document, others, "Shop");
  EXPECT_THAT(holders.WhyRefused(Table("A", 2)), HasSubstr("dbo.A already uses"));
  EXPECT_EQ(holders.WhyRefused(Table("B", 2)), "");
  holders.Take(Table("B", 2));
  EXPECT_THAT(holders.WhyRefused(Table("B", 3)), HasSubstr("dbo.B already uses"));
}

TEST(Holders, a_folder_is_in_use_before_its_table_has_come_in) {
  Settings settings;
  settings.database = "Shop";
  settings.path = "{database}/{table}";
  auto entry = Entry("A", Instance(10, 1, "A", 5), 4);
  entry.folder = "Shop/A/";
  EXPECT_THAT(FoldersInUse(settings, DocumentOf({entry}), {Instance(20, 2, "A_2", 5)}),
              ::testing::UnorderedElementsAre("Shop/A/", "Shop/A_2/"));
}

}  // namespace
}  // namespace cdc::rules

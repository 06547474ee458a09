#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"
#include "capture/testing/dba.h"

// Another source table goes on under the name of an entry.
namespace cdc::capture {
namespace {

using testing::Dba;
using ::testing::HasSubstr;

class FollowedTables : public testing::CaptureTest {
 protected:
  FollowedTables() {
    world_.database.tables.clear();
    world_.options.tables = {"dbo.A", "dbo.B"};
    world_.options.on_replace = rules::OnReplace::kFollow;
    columns::OutputRule rule;
    rule.tables = "dbo.A";
    rule.columns = "Mail";
    rule.words["mask"] = "null";
    world_.database.output.rules = {rule};
  }

  int64_t Make(const std::string& name) {
    const int64_t id = dba_.Create("dbo", name);
    dba_.On(id, /*at_once=*/true);
    return id;
  }
  // All that is captured gets a row, which is delivered as far as it may be.
  RoundReport InsertAndRun() {
    std::map<int64_t, std::vector<int32_t>> operations;
    for (const auto& [id, table] : dba_.tables) operations[id] = {testing::kInsert};
    dba_.Commit(operations);
    (void)RunOnce();
    return *RunOnce();
  }

  Dba dba_{world_.database, [](int64_t, const RowKey&) { return false; }};
};

TEST_F(FollowedTables, what_was_kept_back_in_another_folder_is_kept_back_where_the_table_follows) {
  const int64_t a = Make("A"), b = Make("B");
  EXPECT_TRUE(InsertAndRun().stopped.empty());
  dba_.Rename(a, "dbo", "A_old");
  Make("A");
  EXPECT_TRUE(InsertAndRun().stopped.empty());
  ASSERT_EQ(Document().tables.at("dbo.A").earlier_tables.size(), 1U);

  dba_.Rename(b, "dbo", "B_old");
  dba_.Rename(a, "dbo", "B");
  EXPECT_THAT(WhyStopped(InsertAndRun(), "dbo.B"), HasSubstr("column Mail was masked"));
  for (const auto& object : world_.Objects("B")) {
    EXPECT_EQ(object.record.source_object_id, b) << object.key;
  }
}

}  // namespace
}  // namespace cdc::capture

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"

// What the settings keep back is remembered from the start that reads them, whether or not there is
// anything to deliver.
namespace cdc::capture::testing {
namespace {

using state::KnownColumn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// dbo.A has the columns Id, Mail and Note; a row of it is delivered, in clear.
class ColumnMemoryTest : public CaptureTest {
 protected:
  ColumnMemoryTest() { Columns({BigintColumn("Id", 1), BigintColumn("Mail", 2)}); }
  void SetUp() override {
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
    ASSERT_THAT(Known(), IsEmpty());
  }
  void Columns(const std::vector<columns::SourceColumn>& columns) {
    world_.database.tables.at("dbo.A").columns = columns;
  }
  void MaskMail() {
    columns::OutputRule rule;
    rule.tables = "dbo.A";
    rule.columns = "Mail";
    rule.words["mask"] = "null";
    world_.database.output.rules = {rule};
  }
  // As turning capture off and on does, with the name changed in between.
  void CaptureAnewWith(const std::string& name) {
    world_.database.MakeAnew("dbo.A", name);
    Columns({BigintColumn("Id", 1), BigintColumn(name, 2)});
  }
  state::KnownColumns Known() { return Document().tables.at("dbo.A").columns; }
};

TEST_F(ColumnMemoryTest, a_rule_is_remembered_though_nothing_is_delivered) {
  MaskMail();
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_THAT(Known(), ElementsAre(KnownColumn{1, "Id", state::kClear},
                                   KnownColumn{2, "Mail", state::kMasked}));
  CaptureAnewWith("Email");
  Insert("A");
  EXPECT_THAT(WhyStopped(RunOnce().ValueOrDie(), "dbo.A"),
              HasSubstr("column Email, which was called Mail then, was masked"));
  EXPECT_EQ(world_.Objects("A").size(), 1);
}

TEST_F(ColumnMemoryTest,
       a_running_program_remembers_the_columns_of_an_instance_that_it_goes_over_to) {
  world_.database.output.rules.clear();
  MaskMail();
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  CaptureAnewWith("Email");
  Insert("B");  // the horizon reaches the instance, which has no row
  for (int i = 0; i < 3; ++i) {
    const auto report = writer.Round().ValueOrDie();
    EXPECT_THAT(WhyStopped(report, "dbo.A"), HasSubstr("column Email, which was called Mail"))
        << "and is not taken for mended because there is nothing to read";
    world_.clock.Advance(std::chrono::seconds(200));
  }
  EXPECT_EQ(Known().back().name, "Mail") << "it is remembered as it was delivered";
  EXPECT_EQ(WhyStopped(writer.Round().ValueOrDie(), "dbo.B"), "not stopped");
}

TEST_F(ColumnMemoryTest, where_nothing_can_be_asked_the_table_waits_and_the_next_round_asks) {
  MaskMail();
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  Insert("A");
  writer.source.hook = [](const std::string& call) {
    return call == "describe" ? TransientFault("a lock timeout") : arrow::Status::OK();
  };
  const auto report = writer.Round().ValueOrDie();
  EXPECT_TRUE(report.try_again);
  EXPECT_EQ(report.rows, 0);
  writer.source.hook = nullptr;
  EXPECT_EQ(writer.Round().ValueOrDie().rows, 1);
  EXPECT_EQ(Known().back().delivered, state::kMasked);
}

}  // namespace
}  // namespace cdc::capture::testing
